"""The messages of the sandbox service, containerd.runtime.sandbox.v1: what a shim is asked that holds a sandbox.

Source: containerd api/runtime/sandbox/v1/sandbox.proto, api/types/{platform,metrics}.proto, v2.1.9.
"""

from __future__ import annotations

from slipway.contracts.shim_api.messages import Mount
from slipway.wire.protobuf import Message, flag, message, messages, text, uint
from slipway.wire.protobuf_known import AnyMessage, Empty, TextEntry, Timestamp

SERVICE = "containerd.runtime.sandbox.v1.Sandbox"

READY, NOT_READY = "SANDBOX_READY", "SANDBOX_NOTREADY"
"""What Status says of one that is started, and of one that is not or no more."""


class CreateSandboxRequest(Message):
    sandbox_id = text(1)
    bundle_path = text(2)
    rootfs = messages(3, Mount)
    options = message(4, AnyMessage)
    netns_path = text(5)
    annotations = messages(6, TextEntry)


class SandboxRequest(Message):
    """Start, Platform, Wait, Ping, Shutdown and Metrics; and Status, which may ask for more."""

    sandbox_id = text(1)
    verbose = flag(2)


class StartSandboxResponse(Message):
    pid = uint(1)
    created_at = message(2, Timestamp)


class Platform(Message):
    os = text(1)
    architecture = text(2)
    variant = text(3)


class PlatformResponse(Message):
    platform = message(1, Platform)


class StopSandboxRequest(Message):
    sandbox_id = text(1)
    timeout_secs = uint(2)


class WaitSandboxResponse(Message):
    exit_status = uint(1)
    exited_at = message(2, Timestamp)


class SandboxStatusResponse(Message):
    sandbox_id = text(1)
    pid = uint(2)
    state = text(3)
    info = messages(4, TextEntry)
    created_at = message(5, Timestamp)
    exited_at = message(6, Timestamp)
    extra = message(7, AnyMessage)


class Metric(Message):
    timestamp = message(1, Timestamp)
    id = text(2)
    data = message(3, AnyMessage)


class SandboxMetricsResponse(Message):
    metrics = message(1, Metric)


METHODS: dict[str, tuple[type[Message], type[Message]]] = {
    "CreateSandbox": (CreateSandboxRequest, Empty),
    "StartSandbox": (SandboxRequest, StartSandboxResponse),
    "Platform": (SandboxRequest, PlatformResponse),
    "StopSandbox": (StopSandboxRequest, Empty),
    "WaitSandbox": (SandboxRequest, WaitSandboxResponse),
    "SandboxStatus": (SandboxRequest, SandboxStatusResponse),
    "PingSandbox": (SandboxRequest, Empty),
    "ShutdownSandbox": (SandboxRequest, Empty),
    "SandboxMetrics": (SandboxRequest, SandboxMetricsResponse),
}

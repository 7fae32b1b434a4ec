"""What `containerd-shim-runc-v2 -info` prints. Source: containerd api/types/introspection.proto."""

from __future__ import annotations

from slipway.wire.protobuf import Message, message, messages, text
from slipway.wire.protobuf_known import AnyMessage, TextEntry

FEATURES_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/features/Features"


RUNTIME_REQUEST_TYPE = "containerd.types.RuntimeRequest"
RUNTIME_INFO_TYPE = "containerd.types.RuntimeInfo"


class RuntimeRequest(Message):
    """Which runtime is asked about: a name or a path, and the options that tasks of it would have."""

    runtime_path = text(1)
    options = message(2, AnyMessage)


class RuntimeVersion(Message):
    version = text(1)
    revision = text(2)


class RuntimeInfo(Message):
    name = text(1)
    version = message(2, RuntimeVersion)
    options = message(3, AnyMessage)
    features = message(4, AnyMessage)
    annotations = messages(5, TextEntry)

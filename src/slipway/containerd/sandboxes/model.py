"""A sandbox: what is to run, and what is known of one that does."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.containerd.containers.model import TypedValue
from slipway.contracts.containerd_api.types import Mount


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """One record of one namespace. `sandboxer` is the controller that runs it. Times are nanoseconds since the epoch;
    0 before it is stored."""

    id: str
    runtime_name: str = ""
    runtime_options: TypedValue = field(default_factory=TypedValue)
    spec: TypedValue = field(default_factory=TypedValue)
    sandboxer: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, TypedValue] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxRequest:
    """How to make one, beyond its record."""

    rootfs: tuple[Mount, ...] = ()
    options: TypedValue = field(default_factory=TypedValue)
    netns_path: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxInstance:
    """One that was started. `address` is where it serves tasks: ttrpc+unix:///path; `version` that of its task API."""

    pid: int
    created_at: int
    address: str
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxStatus:
    """How one is; `exited_at` is 0 while it is not at its end."""

    id: str
    pid: int = 0
    state: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    created_at: int = 0
    exited_at: int = 0
    extra: TypedValue = field(default_factory=TypedValue)
    address: str = ""
    version: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxEnd:
    exit_status: int
    exited_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxMetric:
    """What one measures, in its own words. `timestamp` is 0 for one that measures nothing."""

    id: str = ""
    timestamp: int = 0
    data: TypedValue = field(default_factory=TypedValue)

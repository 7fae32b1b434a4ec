"""What is asked for when a task is made, and how one ended."""

from collections.abc import Callable
from dataclasses import dataclass, field

from slipway.containerd.containers.model import TypedValue
from slipway.contracts.containerd_api.types import Mount
from slipway.wire.protobuf_known import AnyMessage


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRequest:
    """How to make a task of a container. `rootfs` is what the shim mounts at the bundle's rootfs, in order.

    `stdin`, `stdout`, `stderr` are paths of fifos or URIs that the shim opens; empty means none. `runtime_path`, where
    given, is a shim's binary used instead of the container's runtime. A task that comes from a checkpoint has the
    images in the folder `checkpoint`, or has `unpack_checkpoint` fill a folder with them (in a thread), which goes with
    the task. `sandbox_address` is where the container's sandbox serves tasks, and in what version, for one that this
    containerd does not run itself: ttrpc+unix:///path.
    """

    rootfs: tuple[Mount, ...] = ()
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    terminal: bool = False
    options: TypedValue = field(default_factory=TypedValue)
    runtime_path: str = ""
    checkpoint: str = ""
    unpack_checkpoint: Callable[[str], None] | None = None
    sandbox_address: tuple[str, int] = ("", 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskStatus:
    """How a task is. `name` is created, running, stopped, paused, pausing or unknown."""

    pid: int
    name: str
    exit_status: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskEnd:
    """The end of a task. `exited_at` is nanoseconds since the epoch."""

    pid: int
    exit_status: int
    exited_at: int


@dataclass(frozen=True, kw_only=True)
class TaskTimeouts:
    """Seconds that a shim has; None: as long as it takes. The defaults are the original's."""

    connect: float | None = 5.0
    shutdown: float | None = 3.0
    state: float | None = 2.0
    stats: float | None = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskStats:
    """What the shim of one task measured. `runtime` is the name by which the shim was chosen."""

    namespace: str
    id: str
    runtime: str
    stats: TypedValue


def any_from_typed(typed: TypedValue) -> AnyMessage:
    """As shims take it."""
    return AnyMessage(type_url=typed.type_url, value=typed.value)

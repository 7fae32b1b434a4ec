"""What the shim knows of the container that it is the parent of."""

from __future__ import annotations

from slipway.base.errors import FailedPrecondition, NotFound
from slipway.contracts.shim_api.messages import CREATED, STOPPED
from slipway.shim.lifecycle import next_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from slipway.clients.runc.runtime import Runtime
    from slipway.contracts.shim_api.options import Options
    from slipway.shim.stdio.streams import Streams
    from slipway.transport.plain.children import Exit
    from slipway.transport.plain.loop import Future

    class MemoryWatch(Protocol):
        """Who tells of processes that the kernel kills for want of memory."""

        def look(self) -> None:
            """Tell now of what was not told yet."""

        def close(self) -> None: ...


class StdioNames:
    """Where a process' streams lead: paths of fifos, file:// or binary:// addresses, "" for nowhere."""

    __slots__ = ("stderr", "stdin", "stdout", "terminal")

    def __init__(self, stdin: str, stdout: str, stderr: str, *, terminal: bool) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal


class Process:
    """The init of a container (`exec_id` "") or an exec. Changes status only by `becomes` and `ended`."""

    __slots__ = (
        "exec_id",
        "exit_status",
        "exited",
        "exited_at",
        "pid",
        "spec",
        "start_told",
        "status",
        "stdio",
        "streams",
    )

    def __init__(self, exec_id: str, stdio: StdioNames, exited: Future, *, spec: bytes = b"") -> None:
        self.exec_id = exec_id
        self.stdio = stdio
        self.spec = spec
        self.pid = 0
        self.status = CREATED
        self.streams: Streams | None = None
        self.exited = exited
        self.exit_status = 0
        self.exited_at = 0
        self.start_told: Future | None = None  # while a start is under way: resolved when its event is queued

    def check(self, action: str) -> None:
        """Raises FailedPrecondition when the process does not take `action` now."""
        next_status(action, self.status, is_init=not self.exec_id)

    def becomes(self, action: str) -> None:
        self.status = next_status(action, self.status, is_init=not self.exec_id)

    def ended(self, how: Exit) -> None:
        self.becomes("exit")
        self.exit_status = how.status
        self.exited_at = how.at
        self.exited.resolve()

    @property
    def is_stopped(self) -> bool:
        return self.status == STOPPED

    @property
    def is_running(self) -> bool:
        return self.pid > 0 and not self.is_stopped


class Container:
    """A container, its init, its execs by id, and the runtime that made it."""

    __slots__ = (
        "bundle",
        "cgroups",
        "checkpoint",
        "execs",
        "id",
        "init",
        "io_owner",
        "memory",
        "memory_kills_told",
        "options",
        "rootfs",
        "runtime",
    )

    def __init__(
        self,
        id: str,
        bundle: str,
        runtime: Runtime,
        init: Process,
        rootfs: str,
        io_owner: tuple[int, int],
        options: Options,
    ) -> None:
        self.id = id
        self.bundle = bundle
        self.runtime = runtime
        self.init = init
        self.rootfs = rootfs  # where we mounted something, or ""
        self.io_owner = io_owner
        self.options = options
        self.execs: dict[str, Process] = {}
        self.cgroups: dict[str, str] = {}  # controller, "" for v2 -> folder
        self.checkpoint = ""  # the folder that its processes come from at the start, as criu saved them
        self.memory: MemoryWatch | None = None
        self.memory_kills_told = 0  # as the kernel counts them

    def process(self, exec_id: str) -> Process:
        """Raises NotFound for an exec that was never added or is deleted."""
        if not exec_id:
            return self.init
        found = self.execs.get(exec_id)
        if found is None:
            raise NotFound(f"process does not exist {exec_id}: not found")
        return found

    def check_init_alive(self) -> None:
        if not self.init.is_running:
            raise FailedPrecondition(f"container {self.id} init process is not running: failed precondition")


class Sandbox:
    """What the shim knows of the sandbox that it holds. Times are nanoseconds since the epoch; 0 for not yet."""

    __slots__ = ("ended", "exited_at", "id", "started_at")

    def __init__(self, id: str, ended: Future) -> None:
        self.id = id
        self.ended = ended
        self.started_at = 0
        self.exited_at = 0

    def end(self, now: int) -> None:
        """Once; whoever waits for the end goes on."""
        self.exited_at = self.exited_at or now
        self.ended.resolve()

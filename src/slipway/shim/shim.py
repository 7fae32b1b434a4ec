"""What all verbs of one shim share: its loop, children, events, streams and containers (several in a group's)."""

from __future__ import annotations

from slipway.base.errors import EngineError, NotFound
from slipway.clients.runc.program import executed
from slipway.clients.runc.runtime import Runtime
from slipway.contracts.shim_api import events
from slipway.contracts.shim_api.options import Options
from slipway.shim.bundle import runtime_root, shares_pid_namespace
from slipway.shim.grouping import Expected
from slipway.shim.log import Log
from slipway.shim.model import Container, Process, Sandbox
from slipway.shim.publisher import Publisher
from slipway.shim.stdio.streams import StreamFactory
from slipway.transport.plain.children import Children, Exit
from slipway.transport.plain.loop import Future, Loop
from slipway.wire.protobuf_known import timestamp_from_nanoseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.clients.runc.program import Program

_KILL = 9


class Shim:
    """The state of one shim. `default_runtime` gives what runs containers whose options name no other."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        publisher: Publisher,
        streams: StreamFactory,
        log: Log,
        *,
        default_runtime: Callable[[], Program],
    ) -> None:
        self.loop = loop
        self.children = children
        self.publisher = publisher
        self.streams = streams
        self.log = log
        self.namespace = ""
        self.containers: dict[str, Container] = {}
        self.sandbox: Sandbox | None = None  # what keeps the shim while it has no container
        self.is_shared = False
        """Whether other containers may come after the first: it is a group's."""
        self.expected = Expected()
        self.is_ending = False
        self.last_container_goes: Future = loop.future()
        """Resolved at its Delete, once its init has ended: Shutdown is what follows. Never where others may come."""
        self._default_runtime = default_runtime

    @property
    def is_in_use(self) -> bool:
        return bool(self.containers) or bool(self.expected)

    def container(self, id: str) -> Container:
        found = self.containers.get(id)
        if found is None:
            raise NotFound("container not created: not found")
        return found

    def runtime(self, bundle: str, options: Options) -> Runtime:
        return Runtime(
            self.loop,
            self.children,
            executed(options.binary_name) if options.binary_name else self._default_runtime(),
            root=runtime_root(options, self.namespace),
            log=f"{bundle}/log.json",
            systemd_cgroup=options.systemd_cgroup,
        )

    async def supervise(self, container: Container, process: Process, exit_of_process: Future) -> None:
        """Wait for the end of a process and tell it: after its start, and for init after the ends of all execs."""
        ended: Exit = await exit_of_process
        if process.start_told is not None:
            await process.start_told
        if not process.exec_id:
            await self._finish_execs(container)
            if container.memory is not None:
                container.memory.look()
        process.ended(ended)
        self.publisher.publish(
            events.TaskExit(
                container_id=container.id,
                id=process.exec_id or container.id,
                pid=ended.pid,
                exit_status=ended.status,
                exited_at=timestamp_from_nanoseconds(ended.at),
            )
        )

    async def _finish_execs(self, container: Container) -> None:
        """The kernel kills what shares the PID namespace of an init that ended; elsewhere we do it."""
        running = [process for process in container.execs.values() if process.is_running]
        try:
            if shares_pid_namespace(container.bundle):
                await container.runtime.kill(container.id, _KILL, all=True)
        except NotFound:
            pass  # nothing was left
        except (EngineError, OSError) as error:
            self.log.warning(f"kill what is left of {container.id}: {error}")
        for process in running:
            await process.exited

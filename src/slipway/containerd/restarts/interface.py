"""What the monitor needs of others: the namespaces' names, containers' records, and whole lives of tasks."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from slipway.containerd.containers.model import Container
from slipway.containerd.metadata.model import Scope
from slipway.containerd.namespaces.model import Namespace
from slipway.containerd.tasks.model import TaskRequest, TaskStatus


class Namespaces(Protocol):
    def list(self) -> Sequence[Namespace]:
        """Blocks on the database: call it from a thread."""
        ...


class ContainerRecords(Protocol):
    """Blocks on the database: call it from a thread."""

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> Sequence[Container]: ...

    def update(self, scope: Scope, container: Container, fields: Iterable[str] = ()) -> Container:
        """Raises NotFound, InvalidArgument."""
        ...


class TaskLives(Protocol):
    async def status(self, scope: Scope, container_id: str) -> TaskStatus | None:
        """None for a container without a task. Raises EngineError for a shim that does not answer."""
        ...

    async def begin(self, scope: Scope, container_id: str, request: TaskRequest) -> None:
        """Create the task and start it. Raises EngineError; then there is none."""
        ...

    async def end(self, scope: Scope, container_id: str) -> None:
        """Kill all its processes, wait for the end, and delete it; one that is not there is no error."""
        ...

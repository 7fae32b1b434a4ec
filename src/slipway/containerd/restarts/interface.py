"""What the monitor needs of others: containers' records, and whole lives of tasks."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from slipway.containerd.containers.model import Container
from slipway.containerd.metadata.model import Scope
from slipway.containerd.tasks.model import TaskRequest, TaskStatus


class ContainerRecords(Protocol):
    """Blocks on the database: call it from a thread."""

    def labelled(self, key: str) -> Sequence[tuple[Scope, Container]]:
        """All containers with a label of that name, of all namespaces."""
        ...

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

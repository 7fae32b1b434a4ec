"""containerd's event service: what happens to tasks, as it happens."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from slipway.clients.containerd.calls import Connection, nanoseconds_from_timestamp, service_methods
from slipway.contracts.containerd_api.generated import event_types_pb2, events_pb2

METHODS: Final = service_methods(events_pb2.DESCRIPTOR, "Events")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskExited:
    """A process ended: the init process when `exec_id` equals `container_id`."""

    container_id: str
    exec_id: str
    pid: int
    exit_status: int
    exited_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskOutOfMemory:
    """The kernel killed a process of the container for want of memory."""

    container_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFrozen:
    """The container was paused, or resumed: `status` is the task's since, paused or running."""

    container_id: str
    status: str


TaskEvent = TaskExited | TaskOutOfMemory | TaskFrozen


def _exited(value: bytes) -> TaskExited:
    message: Any = event_types_pb2.TaskExit.FromString(value)
    return TaskExited(
        container_id=message.container_id,
        exec_id=message.id,
        pid=message.pid,
        exit_status=message.exit_status,
        exited_at=nanoseconds_from_timestamp(message.exited_at),
    )


def _out_of_memory(value: bytes) -> TaskOutOfMemory:
    message: Any = event_types_pb2.TaskOOM.FromString(value)
    return TaskOutOfMemory(container_id=message.container_id)


def _paused(value: bytes) -> TaskFrozen:
    message: Any = event_types_pb2.TaskPaused.FromString(value)
    return TaskFrozen(container_id=message.container_id, status="paused")


def _resumed(value: bytes) -> TaskFrozen:
    message: Any = event_types_pb2.TaskResumed.FromString(value)
    return TaskFrozen(container_id=message.container_id, status="running")


_DECODERS: Final[Mapping[str, Callable[[bytes], TaskEvent]]] = {
    "/tasks/exit": _exited,
    "/tasks/oom": _out_of_memory,
    "/tasks/paused": _paused,
    "/tasks/resumed": _resumed,
}


class Events:
    """Calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tasks(self, on_open: Callable[[], None]) -> AsyncIterator[TaskEvent]:
        """Exits, memory kills and pauses of this namespace from the moment on that `on_open` is called."""
        filters = [f'namespace=={self._connection.namespace},topic=="{topic}"' for topic in _DECODERS]
        async with self._connection.open(METHODS["subscribe"]) as stream:
            await stream.send(events_pb2.SubscribeRequest(filters=filters), last=True)
            on_open()
            async for envelope in stream:
                if (decode := _DECODERS.get(envelope.topic)) is not None:
                    yield decode(envelope.event.value)

"""What a shim tells containerd by Events.Forward, and the topic of each event.

Source: containerd api/events/task.proto, api/services/ttrpc/events/v1/events.proto, core/runtime/events.go.
"""

from __future__ import annotations

from slipway.contracts.shim_api.messages import Mount
from slipway.wire.protobuf import Message, flag, message, messages, text, uint
from slipway.wire.protobuf_known import AnyMessage, Timestamp

SERVICE = "containerd.services.events.ttrpc.v1.Events"
FORWARD = "Forward"


class Envelope(Message):
    timestamp = message(1, Timestamp)
    namespace = text(2)
    topic = text(3)
    event = message(4, AnyMessage)


class ForwardRequest(Message):
    envelope = message(1, Envelope)


class TaskIO(Message):
    stdin = text(1)
    stdout = text(2)
    stderr = text(3)
    terminal = flag(4)


class TaskCreate(Message):
    container_id = text(1)
    bundle = text(2)
    rootfs = messages(3, Mount)
    io = message(4, TaskIO)
    checkpoint = text(5)
    pid = uint(6)


class TaskStart(Message):
    container_id = text(1)
    pid = uint(2)


class TaskDelete(Message):
    container_id = text(1)
    pid = uint(2)
    exit_status = uint(3)
    exited_at = message(4, Timestamp)
    id = text(5)


class TaskExit(Message):
    container_id = text(1)
    id = text(2)
    pid = uint(3)
    exit_status = uint(4)
    exited_at = message(5, Timestamp)


class TaskOOM(Message):
    container_id = text(1)


class TaskExecAdded(Message):
    container_id = text(1)
    exec_id = text(2)


class TaskExecStarted(Message):
    container_id = text(1)
    exec_id = text(2)
    pid = uint(3)


class TaskPaused(Message):
    container_id = text(1)


class TaskResumed(Message):
    container_id = text(1)


TOPICS: dict[type[Message], str] = {
    TaskCreate: "/tasks/create",
    TaskStart: "/tasks/start",
    TaskOOM: "/tasks/oom",
    TaskExit: "/tasks/exit",
    TaskDelete: "/tasks/delete",
    TaskExecAdded: "/tasks/exec-added",
    TaskExecStarted: "/tasks/exec-started",
    TaskPaused: "/tasks/paused",
    TaskResumed: "/tasks/resumed",
}


def event_type(event: type[Message]) -> str:
    """The type_url of an event: its protobuf name, as containerd writes it."""
    return f"containerd.events.{event.__name__}"

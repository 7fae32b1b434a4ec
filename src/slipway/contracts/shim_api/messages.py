"""The messages of the task service, containerd.task.v2 and v3: the same but for the package's name.

Source: containerd api/runtime/task/v3/shim.proto, api/types/{mount,task/task}.proto, v2.1.5.
"""

from __future__ import annotations

from slipway.wire.protobuf import Message, flag, message, messages, text, texts, uint
from slipway.wire.protobuf_known import AnyMessage, Empty, TextEntry, Timestamp

UNKNOWN, CREATED, RUNNING, STOPPED, PAUSED, PAUSING = range(6)
STATUS_NAMES = ("unknown", "created", "running", "stopped", "paused", "pausing")


class Mount(Message):
    type = text(1)
    source = text(2)
    target = text(3)
    options = texts(4)


class CreateTaskRequest(Message):
    id = text(1)
    bundle = text(2)
    rootfs = messages(3, Mount)
    terminal = flag(4)
    stdin = text(5)
    stdout = text(6)
    stderr = text(7)
    checkpoint = text(8)
    parent_checkpoint = text(9)
    options = message(10, AnyMessage)


class CreateTaskResponse(Message):
    pid = uint(1)


class ProcessRequest(Message):
    """StateRequest, StartRequest, DeleteRequest, WaitRequest: a task, or one of its execs when `exec_id` is set."""

    id = text(1)
    exec_id = text(2)


class TaskRequest(Message):
    """PidsRequest, StatsRequest, ConnectRequest, PauseRequest, ResumeRequest."""

    id = text(1)


class StartResponse(Message):
    pid = uint(1)


class DeleteResponse(Message):
    pid = uint(1)
    exit_status = uint(2)
    exited_at = message(3, Timestamp)


class StateResponse(Message):
    id = text(1)
    bundle = text(2)
    pid = uint(3)
    status = uint(4)
    stdin = text(5)
    stdout = text(6)
    stderr = text(7)
    terminal = flag(8)
    exit_status = uint(9)
    exited_at = message(10, Timestamp)
    exec_id = text(11)


class ExecProcessRequest(Message):
    id = text(1)
    exec_id = text(2)
    terminal = flag(3)
    stdin = text(4)
    stdout = text(5)
    stderr = text(6)
    spec = message(7, AnyMessage)


class ResizePtyRequest(Message):
    id = text(1)
    exec_id = text(2)
    width = uint(3)
    height = uint(4)


class KillRequest(Message):
    id = text(1)
    exec_id = text(2)
    signal = uint(3)
    all = flag(4)


class CloseIORequest(Message):
    id = text(1)
    exec_id = text(2)
    stdin = flag(3)


class ProcessInfo(Message):
    pid = uint(1)
    info = message(2, AnyMessage)


class PidsResponse(Message):
    processes = messages(1, ProcessInfo)


class CheckpointTaskRequest(Message):
    id = text(1)
    path = text(2)
    options = message(3, AnyMessage)


class UpdateTaskRequest(Message):
    id = text(1)
    resources = message(2, AnyMessage)
    annotations = messages(3, TextEntry)


class WaitResponse(Message):
    exit_status = uint(1)
    exited_at = message(2, Timestamp)


class StatsResponse(Message):
    stats = message(1, AnyMessage)


class ConnectResponse(Message):
    shim_pid = uint(1)
    task_pid = uint(2)
    version = text(3)


class ShutdownRequest(Message):
    id = text(1)
    now = flag(2)


SERVICES = ("containerd.task.v2.Task", "containerd.task.v3.Task")

METHODS: dict[str, tuple[type[Message], type[Message]]] = {
    "State": (ProcessRequest, StateResponse),
    "Create": (CreateTaskRequest, CreateTaskResponse),
    "Start": (ProcessRequest, StartResponse),
    "Delete": (ProcessRequest, DeleteResponse),
    "Pids": (TaskRequest, PidsResponse),
    "Pause": (TaskRequest, Empty),
    "Resume": (TaskRequest, Empty),
    "Checkpoint": (CheckpointTaskRequest, Empty),
    "Kill": (KillRequest, Empty),
    "Exec": (ExecProcessRequest, Empty),
    "ResizePty": (ResizePtyRequest, Empty),
    "CloseIO": (CloseIORequest, Empty),
    "Update": (UpdateTaskRequest, Empty),
    "Wait": (ProcessRequest, WaitResponse),
    "Stats": (TaskRequest, StatsResponse),
    "Connect": (TaskRequest, ConnectResponse),
    "Shutdown": (ShutdownRequest, Empty),
}

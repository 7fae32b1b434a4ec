"""The life of a container's process, as one table. Nothing else decides what may follow what."""

from __future__ import annotations

from slipway.base.errors import FailedPrecondition
from slipway.contracts.shim_api.messages import CREATED, PAUSED, RUNNING, STATUS_NAMES, STOPPED

DELETED = -1

_INIT = {
    ("start", CREATED): RUNNING,
    ("pause", RUNNING): PAUSED,
    ("resume", PAUSED): RUNNING,
    ("checkpoint", RUNNING): RUNNING,
    ("checkpoint", PAUSED): PAUSED,
    ("exit", CREATED): STOPPED,
    ("exit", RUNNING): STOPPED,
    ("exit", PAUSED): STOPPED,
    ("delete", CREATED): DELETED,
    ("delete", STOPPED): DELETED,
}

_EXEC = {
    ("start", CREATED): RUNNING,
    ("exit", CREATED): STOPPED,
    ("exit", RUNNING): STOPPED,
    ("delete", CREATED): DELETED,
    ("delete", STOPPED): DELETED,
}


def next_status(action: str, status: int, *, is_init: bool) -> int:
    """The status after `action`; raises FailedPrecondition when a process in `status` does not take it."""
    table = _INIT if is_init else _EXEC
    following = table.get((action, status))
    if following is None:
        raise FailedPrecondition(f"cannot {action} {_said(action, status)}")
    return following


def _said(action: str, status: int) -> str:
    """What cannot be acted on, as the original calls it."""
    name = "deleted" if status == DELETED else STATUS_NAMES[status]
    if action in ("pause", "resume", "checkpoint"):
        if status == CREATED:
            return "a task in created state" if action == "checkpoint" else "task in created state"
        if status in (PAUSED, STOPPED):
            return f"a {name} container"
    return f"a {name} process"


def can_exec(status: int) -> bool:
    """Whether another process may be started in a container whose init has this status."""
    return status in (CREATED, RUNNING)

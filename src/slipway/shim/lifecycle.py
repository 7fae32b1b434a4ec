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
        name = "deleted" if status == DELETED else STATUS_NAMES[status]
        raise FailedPrecondition(f"cannot {action} a {name} process")
    return following


def can_exec(status: int) -> bool:
    """Whether another process may be started in a container whose init has this status."""
    return status in (CREATED, RUNNING)

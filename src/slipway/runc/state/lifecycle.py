"""The statuses of a container and what may be done in each. One table; nothing else decides. Pure."""

from slipway.base.errors import FailedPrecondition

CREATING = "creating"
CREATED = "created"
RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"

# verb -> statuses in which it is allowed. `kill` of SIGKILL and `delete --force` have their own entries.
ALLOWED = {
    "start": (CREATED,),
    "kill": (CREATED, RUNNING, PAUSED),
    "exec": (CREATED, RUNNING),
    "exec --ignore-paused": (CREATED, RUNNING, PAUSED),
    "pause": (CREATED, RUNNING),
    "resume": (PAUSED,),
    "update": (CREATED, RUNNING, PAUSED),
    "events": (CREATED, RUNNING, PAUSED),
    "checkpoint": (RUNNING, PAUSED),
    "delete": (CREATED, STOPPED),
    "delete --force": (CREATING, CREATED, RUNNING, PAUSED, STOPPED),
}

# What the callers of the original look for in its messages; `{id}` and `{status}` are filled in.
_REFUSALS = {
    ("start", STOPPED): "cannot start a container that has stopped",
    ("start", RUNNING): "cannot start an already running container",
    ("exec", STOPPED): "cannot exec in a stopped container",
    ("exec --ignore-paused", STOPPED): "cannot exec in a stopped container",
    ("exec", PAUSED): "cannot exec in a paused container (use --ignore-paused to override)",
    ("kill", STOPPED): "container not running",
    ("pause", STOPPED): "container not running",
    ("pause", PAUSED): "container not running",
    ("update", STOPPED): "container not running",
    ("events", STOPPED): "container with id {id} is not running",
    ("checkpoint", CREATED): "Container cannot be checkpointed in {status} state",
    ("checkpoint", STOPPED): "Container cannot be checkpointed in {status} state",
    ("resume", STOPPED): "container not paused",
    ("resume", RUNNING): "container not paused",
    ("resume", CREATED): "container not paused",
    ("delete", RUNNING): "cannot delete container {id} that is not stopped: {status}",
    ("delete", PAUSED): "cannot delete container {id} that is not stopped: {status}",
}


def check(verb: str, container: str, status: str) -> None:
    """Raises FailedPrecondition, in the original's words, if `verb` is not allowed in `status`."""
    if status in ALLOWED[verb]:
        return
    words = _REFUSALS.get((verb, status), "cannot {verb} a container in the {status} state")
    raise FailedPrecondition(words.format(verb=verb, id=container, status=status))

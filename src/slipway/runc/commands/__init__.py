"""One module per verb, found by name and imported when it is called."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

VERBS = (
    "create",
    "delete",
    "events",
    "exec",
    "features",
    "kill",
    "list",
    "pause",
    "ps",
    "resume",
    "run",
    "spec",
    "start",
    "state",
    "update",
)


def load(verb: str) -> "ModuleType":
    """The module of a verb in VERBS; `exec` lives in `execute`, as `exec` and `list` are names of Python's own."""
    raise NotImplementedError

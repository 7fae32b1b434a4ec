"""One module per verb, found by name and imported when it is called.

Each has `FLAGS`, `INTERLEAVED` (flags may follow arguments) and `run(context, options) -> exit status`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

VERBS = (
    "checkpoint",
    "create",
    "delete",
    "events",
    "exec",
    "features",
    "kill",
    "list",
    "pause",
    "ps",
    "restore",
    "resume",
    "run",
    "spec",
    "start",
    "state",
    "update",
)


def load(verb: str) -> "ModuleType":
    """The module of a verb in VERBS."""
    module: ModuleType = __import__(f"{__name__}.{verb}", fromlist=["run"])
    return module

"""`runc state`: one container as JSON."""

from slipway.base import json_text
from slipway.contracts.oci.runtime_version import VERSION
from slipway.runc.commands.context import Context, write_output
from slipway.runc.options.parse import Flag, Options, check_arguments
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()


def run(context: Context, options: Options) -> int:
    check_arguments("state", options, 1, 1)
    state = context.store.load(options.arguments[0])
    write_output(json_text.dumps_indented(describe(state, current_status(context.store, state))))
    return 0


def describe(state: ContainerState, status: str) -> "dict[str, Json]":
    """The fields of the original, in its order."""
    description: dict[str, Json] = {
        "ociVersion": VERSION,
        "id": state.id,
        "pid": 0 if status == lifecycle.STOPPED else state.pid,
        "status": status,
        "bundle": state.bundle,
        "rootfs": state.rootfs,
        "created": state.created,
    }
    if state.annotations:
        description["annotations"] = {**state.annotations}
    description["owner"] = ""
    return description

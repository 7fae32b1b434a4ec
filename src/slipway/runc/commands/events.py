"""`runc events --stats`: a container's usage as JSON, once. The stream of events is not implemented."""

from slipway.base import json_text
from slipway.base.errors import NotImplementedByEngine
from slipway.linux import cgroups
from slipway.runc.commands.context import Context, write_output
from slipway.runc.confine.cgroups import processes_of
from slipway.runc.options.parse import SWITCH, TEXT, Flag, Options, check_arguments
from slipway.runc.state import lifecycle
from slipway.runc.state.status import current_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

INTERLEAVED = True
FLAGS = (Flag(TEXT, "interval"), Flag(SWITCH, "stats"))

_MICROSECOND = 1000


def run(context: Context, options: Options) -> int:
    check_arguments("events", options, 1, 1)
    state = context.store.load(options.arguments[0])
    lifecycle.check("update", state.id, current_status(context.store, state))
    if not options.switch("stats"):
        raise NotImplementedByEngine("events without --stats is not implemented")
    data: Json = {
        "pids": {"current": len(processes_of(state.groups))},
        "memory": {"usage": {"usage": _memory(state.groups)}},
        "cpu": {"usage": {"total": _cpu(state.groups)}},
    }
    write_output(json_text.dumps({"type": "stats", "id": state.id, "data": data}) + "\n")
    return 0


def _memory(groups: dict[str, str]) -> int:
    """Bytes in use."""
    if cgroups.UNIFIED in groups:
        return int(cgroups.read(groups[cgroups.UNIFIED], "memory.current"))
    return int(cgroups.read(groups["memory"], "memory.usage_in_bytes")) if "memory" in groups else 0


def _cpu(groups: dict[str, str]) -> int:
    """Nanoseconds used."""
    if cgroups.UNIFIED in groups:
        for line in cgroups.read(groups[cgroups.UNIFIED], "cpu.stat").splitlines():
            if line.startswith("usage_usec "):
                return int(line.partition(" ")[2]) * _MICROSECOND
        return 0
    return int(cgroups.read(groups["cpuacct"], "cpuacct.usage")) if "cpuacct" in groups else 0

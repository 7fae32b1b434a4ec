"""`runc update`: new limits for a running container."""

import os

from slipway.base import json_text
from slipway.base.errors import InvalidArgument
from slipway.base.files import read_whole
from slipway.contracts.oci.runtime import resources_from_json
from slipway.contracts.oci.runtime_resources import Resources, no_resources
from slipway.linux import cgroups
from slipway.runc.commands.context import Context
from slipway.runc.confine.cgroups import change_limits
from slipway.runc.options.parse import NUMBER, TEXT, Flag, Options, check_arguments, is_whole_number
from slipway.runc.options.sizes import bytes_from_text
from slipway.runc.plan.limits import plan_limits
from slipway.runc.plan.update import complete_update
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

INTERLEAVED = True
FLAGS = (
    Flag(TEXT, "resources", "r"),
    Flag(NUMBER, "blkio-weight"),
    *(
        Flag(TEXT, name)
        for name in (
            "cpu-period",
            "cpu-quota",
            "cpu-burst",
            "cpu-share",
            "cpu-rt-period",
            "cpu-rt-runtime",
            "cpuset-cpus",
            "cpuset-mems",
            "kernel-memory",
            "kernel-memory-tcp",
            "memory",
            "cpu-idle",
            "memory-reservation",
            "memory-swap",
        )
    ),
    Flag(NUMBER, "pids-limit"),
    Flag(TEXT, "l3-cache-schema"),
    Flag(TEXT, "mem-bw-schema"),
)

# What the original takes from a file; devices and others stay as they are, whatever the file says about them.
_TAKEN = ("memory", "cpu", "pids", "blockIO", "unified")
_SCHEMAS = {
    "l3-cache-schema": "Intel RDT/CAT: l3 cache schema is not enabled",
    "mem-bw-schema": "Intel RDT/MBA: memory bandwidth schema is not enabled",
}


def run(context: Context, options: Options) -> int:
    check_arguments("update", options, 1, 1)
    container = options.arguments[0]
    state = context.store.load(container)
    resources = _from_file(options.text("resources")) if options.text("resources") else _from_flags(options)
    if options.given("kernel-memory") or options.given("kernel-memory-tcp"):
        context.log.warning("Kernel memory settings are ignored and will be removed")
    for name, refusal in _SCHEMAS.items():
        if options.text(name):
            raise InvalidArgument(refusal)
    with context.store.lock(container):
        state = context.store.load(container)
        lifecycle.check("update", state.id, current_status(context.store, state))
        _apply(state, resources)
    return 0


def _apply(state: ContainerState, resources: Resources) -> None:
    unified = cgroups.UNIFIED in state.groups
    complete_update(resources, unified=unified, read=lambda file: _read(state, file))
    if state.systemd_unit:
        from slipway.runc.process.unit import update_unit  # D-Bus is not for those who make groups by file

        update_unit(state, resources)
    change_limits(state.groups, plan_limits(resources, unified=unified))


def _read(state: ContainerState, file: str) -> str:
    """A control file, of v1 one of the cpu controller; "" where the controller is not enabled."""
    try:
        return cgroups.read(state.groups.get(cgroups.UNIFIED) or state.groups["cpu"], file)
    except (FileNotFoundError, KeyError):
        return ""


def _from_file(path: str) -> Resources:
    try:
        text = _read_input() if path == "-" else read_whole(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"open {path}") from None
    value = _first_value(text)
    if isinstance(value, dict):
        value = {name: value[name] for name in _TAKEN if name in value}
    return resources_from_json({} if value is None else value)


def _first_value(text: bytes) -> "Json":
    """What stands behind it is not read, as with the original."""
    decoded = text.decode("utf-8", "replace")
    value, _ = json_text.scan(decoded, len(decoded) - len(decoded.lstrip(" \t\r\n")), "resources")
    return value


def _read_input() -> bytes:
    chunks = []
    while chunk := os.read(0, 65536):
        chunks.append(chunk)
    return b"".join(chunks)


def _from_flags(options: Options) -> Resources:
    resources = no_resources()
    cpu, memory = resources.cpu, resources.memory
    cpu.period = _number(options, "cpu-period")
    cpu.quota = _number(options, "cpu-quota", signed=True)
    cpu.burst = _number(options, "cpu-burst")
    cpu.shares = _number(options, "cpu-share")
    cpu.realtime_period = _number(options, "cpu-rt-period")
    cpu.realtime_runtime = _number(options, "cpu-rt-runtime", signed=True)
    cpu.idle = _number(options, "cpu-idle", signed=True)
    cpu.cpus = options.text("cpuset-cpus")
    cpu.mems = options.text("cpuset-mems")
    memory.limit = _size(options, "memory")
    memory.reservation = _size(options, "memory-reservation")
    memory.swap = _size(options, "memory-swap")
    _size(options, "kernel-memory")
    _size(options, "kernel-memory-tcp")
    resources.block_io.weight = options.number("blkio-weight")
    resources.pids_limit = options.number("pids-limit")
    return resources


def _number(options: Options, name: str, *, signed: bool = False) -> "int | None":
    text = options.text(name)
    if not text:
        return None
    if not is_whole_number(text) or (text.startswith("-") and not signed):
        raise InvalidArgument(f'invalid value for {name}: "{text}" is not a whole number')
    return int(text)


def _size(options: Options, name: str) -> "int | None":
    """Bytes, with an optional unit (`512m`); -1 means no limit."""
    text = options.text(name)
    if not text:
        return None
    if text == "-1":
        return -1
    size = bytes_from_text(text)
    if size is None:
        raise InvalidArgument(f"invalid value for {name}: invalid size: '{text}'")
    return size

"""`runc update`: new limits for a running container."""

import os

from slipway.base import json_text
from slipway.base.errors import InvalidArgument
from slipway.base.files import read_whole
from slipway.base.identifiers import integer_from_text
from slipway.contracts.oci.runtime import resources_from_json
from slipway.contracts.oci.runtime_resources import Resources, no_resources
from slipway.runc.commands.context import Context
from slipway.runc.confine.cgroups import apply_limits
from slipway.runc.options.parse import TEXT, Flag, Options, check_arguments
from slipway.runc.plan.cgroup_v1 import plan_limits_v1
from slipway.runc.plan.cgroup_v2 import plan_limits_v2
from slipway.runc.state import lifecycle
from slipway.runc.state.status import current_status

INTERLEAVED = True
FLAGS = tuple(
    Flag(TEXT, *names)
    for names in (
        ("resources", "r"),
        ("blkio-weight",),
        ("cpu-period",),
        ("cpu-quota",),
        ("cpu-burst",),
        ("cpu-share",),
        ("cpu-rt-period",),
        ("cpu-rt-runtime",),
        ("cpuset-cpus",),
        ("cpuset-mems",),
        ("cpu-idle",),
        ("kernel-memory",),
        ("kernel-memory-tcp",),
        ("memory",),
        ("memory-reservation",),
        ("memory-swap",),
        ("pids-limit",),
        ("l3-cache-schema",),
        ("mem-bw-schema",),
    )
)

_UNITS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}


def run(context: Context, options: Options) -> int:
    check_arguments("update", options, 1, 1)
    container = options.arguments[0]
    resources = _from_file(options.text("resources")) if options.given("resources") else _from_flags(options)
    with context.store.lock(container):
        state = context.store.load(container)
        lifecycle.check("update", state.id, current_status(context.store, state))
        plan = plan_limits_v2 if "" in state.groups else plan_limits_v1
        apply_limits(state.groups, plan(resources))
    return 0


def _from_file(path: str) -> Resources:
    """Devices are never changed here, as with the original."""
    text = _read_input() if path == "-" else read_whole(path)
    return resources_from_json(json_text.loads(text, "resources"))


def _read_input() -> bytes:
    chunks = []
    while chunk := os.read(0, 65536):
        chunks.append(chunk)
    return b"".join(chunks)


def _from_flags(options: Options) -> Resources:
    resources = no_resources()
    cpu, memory = resources.cpu, resources.memory
    cpu.period = _number(options, "cpu-period")
    cpu.quota = _number(options, "cpu-quota", low=-1)
    cpu.burst = _number(options, "cpu-burst")
    cpu.shares = _number(options, "cpu-share")
    cpu.realtime_period = _number(options, "cpu-rt-period")
    cpu.realtime_runtime = _number(options, "cpu-rt-runtime", low=-1)
    cpu.idle = _number(options, "cpu-idle")
    cpu.cpus = options.text("cpuset-cpus")
    cpu.mems = options.text("cpuset-mems")
    memory.limit = _size(options, "memory")
    memory.reservation = _size(options, "memory-reservation")
    memory.swap = _size(options, "memory-swap")
    resources.block_io.weight = _number(options, "blkio-weight")
    resources.pids_limit = _number(options, "pids-limit", low=-1)
    return resources


def _number(options: Options, name: str, low: int = 0) -> "int | None":
    text = options.text(name)
    return integer_from_text(text, f"value for {name}", low=low) if text else None


def _size(options: Options, name: str) -> "int | None":
    """Bytes, with an optional unit (`512m`); -1 means no limit."""
    text = options.text(name).lower()
    if not text:
        return None
    if text == "-1":
        return -1
    digits = text.rstrip("ib")
    unit = digits[-1:] if digits[-1:].isalpha() else ""
    if unit not in _UNITS:
        raise InvalidArgument(f"invalid value for {name}: {text!r}")
    return integer_from_text(digits.removesuffix(unit) if unit else digits, f"value for {name}") << _UNITS[unit]

"""Resource limits as properties of a systemd unit. Pure.

Source: systemd.resource-control(5), org.freedesktop.systemd1(5). What systemd has no property for, or not yet in its
`version`, is only in the control files, which are written as well.
"""

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import integer_from_text
from slipway.contracts.oci.runtime_resources import Cpu, Resources, no_resources
from slipway.runc.plan.cgroup_v2 import io_weight_from_block_io, swap_from_memory_and_swap, weight_from_shares
from slipway.wire.dbus_values import Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    Property = tuple[str, Variant]

_INFINITY = (1 << 64) - 1
_DEFAULT_PERIOD = 100_000
_SECOND = 1_000_000
_PERCENT = _SECOND // 100
_HIGHEST_WEIGHT = 10_000
_HIGHEST_CPU = 1 << 16
# The first versions of systemd that know a property, or a meaning of it.
_HAS_QUOTA_PERIOD, _HAS_CPUSET, _HAS_IDLE = 242, 244, 252
_MEMORY = {
    "memory.high": "MemoryHigh",
    "memory.low": "MemoryLow",
    "memory.min": "MemoryMin",
    "memory.max": "MemoryMax",
    "memory.swap.max": "MemorySwapMax",
    "pids.max": "TasksMax",
}
_SETS = {"cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes"}


def unit_limits(resources: Resources, version: int, *, unified: bool) -> "list[Property]":
    """Raises InvalidArgument."""
    return unit_limits_v2(resources, version) if unified else unit_limits_v1(resources, version)


def unit_limits_v2(resources: Resources, version: int) -> "list[Property]":
    """`unified` comes last and wins. Raises InvalidArgument."""
    memory, cpu = resources.memory, resources.cpu
    properties = []
    if memory.limit:
        properties.append(_number("MemoryMax", memory.limit))
    if memory.reservation:
        properties.append(_number("MemoryLow", memory.reservation))
    swap = swap_from_memory_and_swap(memory.swap or 0, memory.limit or 0)
    if swap is not None:
        properties.append(_number("MemorySwapMax", swap))
    if cpu.idle == 1 and version >= _HAS_IDLE:
        properties.append(_number("CPUWeight", 0))  # systemd's word for cpu.idle
    elif cpu.shares and not cpu.idle:
        properties.append(_number("CPUWeight", weight_from_shares(cpu.shares)))
    properties += _quota(cpu, version)
    if resources.pids_limit:
        properties.append(_number("TasksMax", resources.pids_limit))
    properties += _sets(cpu, version)
    if resources.block_io.weight:
        # Not the original: it only writes the file, which systemd sets back whenever it writes the unit's settings.
        properties.append(_number("IOWeight", io_weight_from_block_io(resources.block_io.weight)))
    return properties + _unified(resources.unified, version)


def unit_limits_v1(resources: Resources, version: int) -> "list[Property]":
    """Raises InvalidArgument."""
    memory, cpu = resources.memory, resources.cpu
    properties = []
    if memory.limit:
        properties.append(_number("MemoryLimit", memory.limit))
    if cpu.shares:
        properties.append(_number("CPUShares", cpu.shares))
    properties += _quota(cpu, version)
    if resources.block_io.weight:
        properties.append(_number("BlockIOWeight", resources.block_io.weight))
    if resources.pids_limit:
        properties.append(_number("TasksMax", resources.pids_limit))
    return properties + _sets(cpu, version)


def rounded_quota(quota: int, period: int) -> int:
    """systemd keeps a quota in whole percents of one CPU. So does the control file then, rounded up, as a group below
    may ask for what this one was promised. `period` 0 is the kernel's default.
    """
    period = period or _DEFAULT_PERIOD
    per_second = quota * _SECOND // period
    if quota <= 0 or per_second % _PERCENT == 0:
        return quota
    return (per_second // _PERCENT + 1) * _PERCENT * period // _SECOND


def _number(name: str, value: int) -> "Property":
    return name, Variant("t", _INFINITY if value < 0 else value)


def _quota(cpu: Cpu, version: int) -> "list[Property]":
    quota, period = cpu.quota or 0, cpu.period or 0
    properties = []
    if period and version >= _HAS_QUOTA_PERIOD:
        properties.append(_number("CPUQuotaPeriodUSec", period))
    if quota or period:
        per_second = -1
        if quota > 0:
            period = period or _DEFAULT_PERIOD
            per_second = -(-(quota * _SECOND // period) // _PERCENT) * _PERCENT
        properties.append(_number("CPUQuotaPerSecUSec", per_second))
    return properties


def _sets(cpu: Cpu, version: int) -> "list[Property]":
    properties = []
    if version >= _HAS_CPUSET:
        for name, text in (("AllowedCPUs", cpu.cpus), ("AllowedMemoryNodes", cpu.mems)):
            if text:
                properties.append((name, Variant("ay", bits_from_list(text))))
    return properties


def bits_from_list(text: str) -> bytes:
    """`0,3-5` as a bit mask, the lowest byte first. Raises InvalidArgument."""
    bits = 0
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not first and not dash:
            continue
        low = integer_from_text(first, f"cpuset {text!r}:", high=_HIGHEST_CPU)
        high = integer_from_text(last, f"cpuset {text!r}:", high=_HIGHEST_CPU) if dash else low
        if low > high:
            raise InvalidArgument(f"cpuset {text!r}: invalid range: {part.strip()}")
        bits |= (1 << (high + 1)) - (1 << low)
    if not bits:
        raise InvalidArgument(f"cpuset {text!r}: empty value")
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _unified(values: dict[str, str], version: int) -> "list[Property]":
    """Those keys that systemd has a property for; `cgroup_v2` judges and writes them all."""
    properties: list[Property] = []
    idle = values.get("cpu.idle", "").strip() == "1" and version >= _HAS_IDLE
    for key, text in values.items():
        words = text.split()
        what = f"unified resource {key!r}"
        if key == "cpu.max":
            properties += _quota(_cpu_from_maximum(words, what), version)
        elif key == "cpu.weight" and not idle:
            properties.append(_number("CPUWeight", integer_from_text(text.strip(), what, high=_INFINITY)))
        elif key == "cpu.idle" and idle:
            properties.append(_number("CPUWeight", 0))
        elif key == "io.weight" and len(words) == 2 and words[0] == "default":
            properties.append(_number("IOWeight", integer_from_text(words[1], what, low=1, high=_HIGHEST_WEIGHT)))
        elif key in _SETS and version >= _HAS_CPUSET:
            properties.append((_SETS[key], Variant("ay", bits_from_list(text))))
        elif key in _MEMORY:
            limit = -1 if words == ["max"] else integer_from_text(text.strip(), what, high=_INFINITY)
            properties.append(_number(_MEMORY[key], limit))
    return properties


def _cpu_from_maximum(words: list[str], what: str) -> Cpu:
    """`quota [period]` of cpu.max."""
    cpu = no_resources().cpu
    if len(words) not in (1, 2):
        raise InvalidArgument(f"{what} value invalid: {' '.join(words)!r}")
    cpu.quota = None if words[0] == "max" else integer_from_text(words[0], what, high=_INFINITY)
    cpu.period = integer_from_text(words[1], what, high=_INFINITY) if words[1:] else _DEFAULT_PERIOD
    return cpu

"""What a change of limits means on a group that has limits already. Pure."""

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime_resources import Cpu, Resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Source: kernel MIN_SHARES and MAX_SHARES.
_LEAST_SHARES = 2
_MOST_SHARES = 1 << 18


def complete_update(resources: Resources, *, unified: bool, read: "Callable[[str], str]") -> None:
    """Fill in what two limits share: the quota is told with its period, on v2 and by systemd; on v2 swap with memory.

    `read` gives a control file of the group, or "". Raises InvalidArgument for what the kernel would bend silently.
    """
    cpu, memory = resources.cpu, resources.memory
    if cpu.shares and cpu.shares < _LEAST_SHARES:
        raise InvalidArgument(f"the minimum allowed cpu-shares is {_LEAST_SHARES}")
    if cpu.shares and cpu.shares > _MOST_SHARES:
        raise InvalidArgument(f"the maximum allowed cpu-shares is {_MOST_SHARES}")
    if not unified:
        _complete_quota(cpu, read("cpu.cfs_quota_us"), read("cpu.cfs_period_us"))
        return
    if memory.check_before_update:
        _check_usage(resources, read("memory.current"))
    if memory.swap and memory.swap > 0 and not memory.limit:
        memory.limit = _limit(read("memory.max"))
    quota, _, period = read("cpu.max").partition(" ")
    _complete_quota(cpu, quota, period)


def _complete_quota(cpu: Cpu, quota: str, period: str) -> None:
    if cpu.period and not cpu.quota:
        cpu.quota = _limit(quota)
    elif cpu.quota and not cpu.period and period.isascii() and period.isdigit():
        cpu.period = int(period)


def _check_usage(resources: Resources, usage: str) -> None:
    """v2 takes a limit below what is used and kills: the caller can ask not to."""
    if not usage:
        return
    for name, limit in (("memory+swap", resources.memory.swap), ("memory", resources.memory.limit)):
        if limit and 0 < limit <= int(usage):
            raise InvalidArgument(f"rejecting {name} limit {limit} <= usage {usage}")


def _limit(text: str) -> "int | None":
    """None for no file and for no limit."""
    return int(text) if text.isascii() and text.isdigit() else None

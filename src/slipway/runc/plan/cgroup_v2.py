"""Resource limits as writes to cgroup v2 control files. Source: kernel Documentation/admin-guide/cgroup-v2.rst.

The specification speaks cgroup v1; the conversions are those of the original, so that numbers seen by users agree.
"""

import math

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime_resources import BlockIo, Cpu, Memory, Resources
from slipway.linux.cgroup_names import UNIFIED
from slipway.runc.plan.cgroup_write import CgroupWrite

_DEFAULT_PERIOD = 100_000


def plan_limits_v2(resources: Resources) -> list[CgroupWrite]:
    """In the order in which the kernel takes them. `unified` comes last and wins."""
    writes = _cpu(resources.cpu) + _memory(resources.memory) + _block_io(resources.block_io)
    if resources.pids_limit:
        writes.append(_write("pids.max", _maximum(resources.pids_limit)))
    for page in resources.hugepages:
        writes.append(_write(f"hugetlb.{page.page_size}.max", page.limit))
        # What is only reserved is away for others, too. Kernels before 5.7 do not count it.
        writes.append(_write(f"hugetlb.{page.page_size}.rsvd.max", page.limit, optional=True))
    for device, limit in resources.rdma.items():
        handles = "max" if limit.hca_handles is None else limit.hca_handles
        objects = "max" if limit.hca_objects is None else limit.hca_objects
        writes.append(_write("rdma.max", f"{device} hca_handle={handles} hca_object={objects}"))
    for file, value in resources.unified.items():
        writes.append(_write(_control_file(file), value))
    return writes


def _write(file: str, value: "int | str", *, optional: bool = False, again: bool = False) -> CgroupWrite:
    return CgroupWrite(UNIFIED, file, value, optional=optional, again=again)


def _control_file(name: str) -> str:
    """A key of `unified` becomes a file name: it must be one."""
    if "/" in name or "." not in name.strip("."):
        raise InvalidArgument(f"unified resource {name!r} must be a file name without slashes")
    return name


def _maximum(limit: int) -> "int | str":
    return "max" if limit < 0 else limit


def _cpu(cpu: Cpu) -> list[CgroupWrite]:
    writes = []
    if cpu.idle is not None:
        writes.append(_write("cpu.idle", cpu.idle))
    if cpu.shares and not cpu.idle:
        writes.append(_write("cpu.weight", weight_from_shares(cpu.shares)))
    if cpu.burst is not None:  # refused while the quota is smaller, and the other way round
        writes.append(_write("cpu.max.burst", cpu.burst, again=True))
    if cpu.quota or cpu.period:
        quota = cpu.quota if cpu.quota and cpu.quota > 0 else "max"
        writes.append(_write("cpu.max", f"{quota} {cpu.period or _DEFAULT_PERIOD}"))
    if cpu.cpus:
        writes.append(_write("cpuset.cpus", cpu.cpus))
    if cpu.mems:
        writes.append(_write("cpuset.mems", cpu.mems))
    return writes


def _memory(memory: Memory) -> list[CgroupWrite]:
    writes = []
    swap = swap_from_memory_and_swap(memory.swap or 0, memory.limit or 0)
    if swap is not None:
        # Where swap is not counted, none and all of it are the same.
        writes.append(_write("memory.swap.max", _maximum(swap), optional=swap <= 0))
    if memory.limit:
        writes.append(_write("memory.max", _maximum(memory.limit)))
    if memory.reservation:
        writes.append(_write("memory.low", _maximum(memory.reservation)))
    return writes


def _block_io(block_io: BlockIo) -> list[CgroupWrite]:
    writes = []
    if block_io.weight:
        writes.append(_weight("default", block_io.weight))
    for device in block_io.weight_devices:
        if device.weight:
            writes.append(_weight(f"{device.major}:{device.minor}", device.weight))
    throttles = (
        ("rbps", block_io.read_bps),
        ("wbps", block_io.write_bps),
        ("riops", block_io.read_iops),
        ("wiops", block_io.write_iops),
    )
    for key, devices in throttles:
        for throttle in devices:
            rate = throttle.rate or "max"
            writes.append(_write("io.max", f"{throttle.major}:{throttle.minor} {key}={rate}"))
    return writes


def _weight(what: str, weight: int) -> CgroupWrite:
    """BFQ counts as v1 does; where it is loaded, io.weight is without effect."""
    converted = _write("io.weight", f"{what} {io_weight_from_block_io(weight)}")
    return CgroupWrite(UNIFIED, "io.bfq.weight", f"{what} {weight}", instead=converted)


def weight_from_shares(shares: int) -> int:
    """CPU shares 2..262144 (default 1024) as a weight 1..10000 (default 100), through all three points.

    Source: kubernetes-sigs KEP-2254 as amended in 2025; runc uses it since 1.3.2.
    """
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    logarithm = math.log2(shares)
    return math.ceil(10 ** ((logarithm * logarithm + 125 * logarithm) / 612.0 - 7.0 / 34.0))


def io_weight_from_block_io(weight: int) -> int:
    """Weight 10..1000 as 1..10000."""
    return 1 + (weight - 10) * 9999 // 990


def swap_from_memory_and_swap(both: int, memory: int) -> "int | None":
    """v1 limits memory and swap together, v2 swap alone. None: leave it; -1: no limit."""
    if memory == -1 and both == 0:
        return -1
    if both == 0:
        return None
    if both == -1 or memory == -1:
        return both
    if memory == 0:
        raise InvalidArgument("unable to set swap limit without memory limit")
    if both < memory:
        raise InvalidArgument("memory+swap limit should be >= memory limit")
    return both - memory

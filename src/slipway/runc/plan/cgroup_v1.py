"""Resource limits as writes to cgroup v1 control files. Source: kernel Documentation/admin-guide/cgroup-v1/."""

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime_resources import BlockIo, Cpu, Memory, Resources
from slipway.runc.plan.cgroup_write import CgroupWrite


def plan_limits_v1(resources: Resources) -> list[CgroupWrite]:
    """In the order in which the kernel takes them. Devices are planned by `device_rules`. Raises InvalidArgument."""
    if resources.unified:
        raise InvalidArgument("invalid configuration: cannot use unified on cgroup v1")
    writes = _cpu(resources.cpu) + _memory(resources.memory) + _block_io(resources.block_io)
    if resources.pids_limit:
        limit = resources.pids_limit if resources.pids_limit > 0 else "max"
        writes.append(CgroupWrite("pids", "pids.max", limit))
    for page in resources.hugepages:
        file = f"hugetlb.{page.page_size}"
        writes.append(CgroupWrite("hugetlb", f"{file}.limit_in_bytes", page.limit))
        # What is only reserved is away for others, too. Kernels before 5.7 do not count it.
        writes.append(CgroupWrite("hugetlb", f"{file}.rsvd.limit_in_bytes", page.limit, optional=True))
    if resources.network.class_id is not None:
        writes.append(CgroupWrite("net_cls", "net_cls.classid", resources.network.class_id))
    for interface in resources.network.priorities:
        value = f"{interface.name} {interface.priority}"
        writes.append(CgroupWrite("net_prio", "net_prio.ifpriomap", value))
    for device, rdma in resources.rdma.items():
        words = [device]
        if rdma.hca_handles is not None:
            words.append(f"hca_handle={rdma.hca_handles}")
        if rdma.hca_objects is not None:
            words.append(f"hca_object={rdma.hca_objects}")
        writes.append(CgroupWrite("rdma", "rdma.max", " ".join(words)))
    return writes


def _cpu(cpu: Cpu) -> list[CgroupWrite]:
    writes = []
    if cpu.shares:
        writes.append(CgroupWrite("cpu", "cpu.shares", cpu.shares))
    if cpu.burst is not None:  # refused while the quota is smaller, and the other way round
        writes.append(CgroupWrite("cpu", "cpu.cfs_burst_us", cpu.burst, again=True, optional=True))
    if cpu.period:
        # Refused while a quota of before is too large for it: then the quota goes first.
        writes.append(CgroupWrite("cpu", "cpu.cfs_period_us", cpu.period, again=True))
    if cpu.quota:
        writes.append(CgroupWrite("cpu", "cpu.cfs_quota_us", cpu.quota))
    if cpu.realtime_period:
        writes.append(CgroupWrite("cpu", "cpu.rt_period_us", cpu.realtime_period, again=True))
    if cpu.realtime_runtime:
        writes.append(CgroupWrite("cpu", "cpu.rt_runtime_us", cpu.realtime_runtime))
    if cpu.idle is not None:
        writes.append(CgroupWrite("cpu", "cpu.idle", cpu.idle))
    if cpu.cpus:
        writes.append(CgroupWrite("cpuset", "cpuset.cpus", cpu.cpus))
    if cpu.mems:
        writes.append(CgroupWrite("cpuset", "cpuset.mems", cpu.mems))
    return writes


def _memory(memory: Memory) -> list[CgroupWrite]:
    writes = []
    swap = memory.swap
    follows = memory.limit == -1 and not swap
    if follows:
        swap = -1  # no limit of memory means none of memory and swap, if that is counted here
    if memory.limit:
        # The limit may not pass that of memory and swap: when both grow, the second must go first.
        writes.append(CgroupWrite("memory", "memory.limit_in_bytes", memory.limit, again=True))
    if swap:
        writes.append(CgroupWrite("memory", "memory.memsw.limit_in_bytes", swap, again=True, optional=follows))
    if memory.reservation:
        writes.append(CgroupWrite("memory", "memory.soft_limit_in_bytes", memory.reservation))
    if memory.kernel_tcp:
        writes.append(CgroupWrite("memory", "memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp))
    if memory.disable_oom_killer:
        writes.append(CgroupWrite("memory", "memory.oom_control", 1))
    if memory.swappiness is not None and memory.swappiness <= 100:
        writes.append(CgroupWrite("memory", "memory.swappiness", memory.swappiness))
    return writes


def _block_io(block_io: BlockIo) -> list[CgroupWrite]:
    writes = []
    if block_io.weight:
        writes.append(_under_either_scheduler("weight", block_io.weight))
    if block_io.leaf_weight:
        writes.append(CgroupWrite("blkio", "blkio.leaf_weight", block_io.leaf_weight))
    for device in block_io.weight_devices:
        if device.weight:
            value = f"{device.major}:{device.minor} {device.weight}"
            writes.append(_under_either_scheduler("weight_device", value))
        if device.leaf_weight:
            value = f"{device.major}:{device.minor} {device.leaf_weight}"
            writes.append(CgroupWrite("blkio", "blkio.leaf_weight_device", value))
    throttles = (
        ("blkio.throttle.read_bps_device", block_io.read_bps),
        ("blkio.throttle.write_bps_device", block_io.write_bps),
        ("blkio.throttle.read_iops_device", block_io.read_iops),
        ("blkio.throttle.write_iops_device", block_io.write_iops),
    )
    for file, devices in throttles:
        for throttle in devices:
            writes.append(CgroupWrite("blkio", file, f"{throttle.major}:{throttle.minor} {throttle.rate}"))
    return writes


def _under_either_scheduler(name: str, value: "int | str") -> CgroupWrite:
    """CFQ's file, or that of BFQ, which came after it."""
    return CgroupWrite("blkio", f"blkio.{name}", value, instead=CgroupWrite("blkio", f"blkio.bfq.{name}", value))

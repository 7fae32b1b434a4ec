"""What Stats answers: the counters of a container's cgroups, in the shape of containerd/cgroups.

Source: containerd/cgroups v3 cgroup1/stats/metrics.proto and cgroup2/stats/metrics.proto. Memory fields are
named as the kernel names them in memory.stat.
"""

from __future__ import annotations

from slipway.wire.protobuf import Message, message, messages, text, uint, uints

V1_TYPE = "io.containerd.cgroups.v1.Metrics"
V2_TYPE = "io.containerd.cgroups.v2.Metrics"


class PidsStat(Message):
    current = uint(1)
    limit = uint(2)


class HugetlbStatV1(Message):
    usage = uint(1)
    max = uint(2)
    failcnt = uint(3)
    pagesize = text(4)


class CpuUsageV1(Message):
    """Nanoseconds."""

    total = uint(1)
    kernel = uint(2)
    user = uint(3)
    per_cpu = uints(4)


class ThrottleV1(Message):
    periods = uint(1)
    throttled_periods = uint(2)
    throttled_time = uint(3)


class CpuStatV1(Message):
    usage = message(1, CpuUsageV1)
    throttling = message(2, ThrottleV1)


class MemoryEntryV1(Message):
    limit = uint(1)
    usage = uint(2)
    max = uint(3)
    failcnt = uint(4)


class MemoryStatV1(Message):
    cache = uint(1)
    rss = uint(2)
    rss_huge = uint(3)
    mapped_file = uint(4)
    dirty = uint(5)
    writeback = uint(6)
    pgpgin = uint(7)
    pgpgout = uint(8)
    pgfault = uint(9)
    pgmajfault = uint(10)
    inactive_anon = uint(11)
    active_anon = uint(12)
    inactive_file = uint(13)
    active_file = uint(14)
    unevictable = uint(15)
    hierarchical_memory_limit = uint(16)
    hierarchical_memsw_limit = uint(17)
    total_cache = uint(18)
    total_rss = uint(19)
    total_rss_huge = uint(20)
    total_mapped_file = uint(21)
    total_dirty = uint(22)
    total_writeback = uint(23)
    total_pgpgin = uint(24)
    total_pgpgout = uint(25)
    total_pgfault = uint(26)
    total_pgmajfault = uint(27)
    total_inactive_anon = uint(28)
    total_active_anon = uint(29)
    total_inactive_file = uint(30)
    total_active_file = uint(31)
    total_unevictable = uint(32)
    usage = message(33, MemoryEntryV1)
    swap = message(34, MemoryEntryV1)
    kernel = message(35, MemoryEntryV1)
    kernel_tcp = message(36, MemoryEntryV1)


class BlockEntryV1(Message):
    op = text(1)
    device = text(2)
    major = uint(3)
    minor = uint(4)
    value = uint(5)


class BlockStatV1(Message):
    io_service_bytes_recursive = messages(1, BlockEntryV1)
    io_serviced_recursive = messages(2, BlockEntryV1)
    io_queued_recursive = messages(3, BlockEntryV1)
    io_service_time_recursive = messages(4, BlockEntryV1)
    io_wait_time_recursive = messages(5, BlockEntryV1)
    io_merged_recursive = messages(6, BlockEntryV1)
    io_time_recursive = messages(7, BlockEntryV1)
    sectors_recursive = messages(8, BlockEntryV1)


class MemoryOomControlV1(Message):
    oom_kill_disable = uint(1)
    under_oom = uint(2)
    oom_kill = uint(3)


class MetricsV1(Message):
    hugetlb = messages(1, HugetlbStatV1)
    pids = message(2, PidsStat)
    cpu = message(3, CpuStatV1)
    memory = message(4, MemoryStatV1)
    blkio = message(5, BlockStatV1)
    memory_oom_control = message(9, MemoryOomControlV1)


class CpuStatV2(Message):
    """Microseconds."""

    usage_usec = uint(1)
    user_usec = uint(2)
    system_usec = uint(3)
    nr_periods = uint(4)
    nr_throttled = uint(5)
    throttled_usec = uint(6)


class MemoryStatV2(Message):
    anon = uint(1)
    file = uint(2)
    kernel_stack = uint(3)
    slab = uint(4)
    sock = uint(5)
    shmem = uint(6)
    file_mapped = uint(7)
    file_dirty = uint(8)
    file_writeback = uint(9)
    anon_thp = uint(10)
    inactive_anon = uint(11)
    active_anon = uint(12)
    inactive_file = uint(13)
    active_file = uint(14)
    unevictable = uint(15)
    slab_reclaimable = uint(16)
    slab_unreclaimable = uint(17)
    pgfault = uint(18)
    pgmajfault = uint(19)
    workingset_refault = uint(20)
    workingset_activate = uint(21)
    workingset_nodereclaim = uint(22)
    pgrefill = uint(23)
    pgscan = uint(24)
    pgsteal = uint(25)
    pgactivate = uint(26)
    pgdeactivate = uint(27)
    pglazyfree = uint(28)
    pglazyfreed = uint(29)
    thp_fault_alloc = uint(30)
    thp_collapse_alloc = uint(31)
    usage = uint(32)
    usage_limit = uint(33)
    swap_usage = uint(34)
    swap_limit = uint(35)
    max_usage = uint(36)


class MemoryEvents(Message):
    low = uint(1)
    high = uint(2)
    max = uint(3)
    oom = uint(4)
    oom_kill = uint(5)


class IoEntryV2(Message):
    major = uint(1)
    minor = uint(2)
    rbytes = uint(3)
    wbytes = uint(4)
    rios = uint(5)
    wios = uint(6)


class IoStatV2(Message):
    usage = messages(1, IoEntryV2)


class MetricsV2(Message):
    pids = message(1, PidsStat)
    cpu = message(2, CpuStatV2)
    memory = message(4, MemoryStatV2)
    io = message(6, IoStatV2)
    memory_events = message(8, MemoryEvents)

"""Metrics in Prometheus' form: from a shim's counters and from calls to text."""

import pytest

from slipway.containerd.containers.model import TypedValue
from slipway.containerd.metrics.calls import CallCounters
from slipway.containerd.metrics.containers import container_families
from slipway.containerd.metrics.model import Family, Sample
from slipway.containerd.metrics.process import process_families
from slipway.containerd.metrics.text import text_of
from slipway.containerd.tasks.model import TaskStats
from slipway.contracts.containerd_api.generated import content_pb2, version_pb2
from slipway.contracts.shim_api import metrics
from slipway.transport.aio.grpc_method import methods_of
from slipway.wire.protobuf import Message, encode

LABELS = 'container_id="box",namespace="default",runtime="io.containerd.runc.v2"'
V1 = metrics.MetricsV1(
    hugetlb=[metrics.HugetlbStatV1(usage=1, max=2, failcnt=3, pagesize="2MB")],
    pids=metrics.PidsStat(current=4, limit=5),
    cpu=metrics.CpuStatV1(
        usage=metrics.CpuUsageV1(total=60, kernel=20, user=40, per_cpu=[50, 10]),
        throttling=metrics.ThrottleV1(periods=6, throttled_periods=7, throttled_time=8),
    ),
    memory=metrics.MemoryStatV1(
        cache=9, usage=metrics.MemoryEntryV1(limit=9223372036854771712, usage=10, max=11, failcnt=12)
    ),
    blkio=metrics.BlockStatV1(
        io_service_bytes_recursive=[metrics.BlockEntryV1(op="Read", device="/dev/sda", major=8, minor=0, value=13)]
    ),
)
V2 = metrics.MetricsV2(
    pids=metrics.PidsStat(current=1, limit=2),
    cpu=metrics.CpuStatV2(usage_usec=3, user_usec=4, system_usec=5, nr_periods=6, nr_throttled=7, throttled_usec=8),
    memory=metrics.MemoryStatV2(anon=9, usage=10, usage_limit=11, swap_usage=12),
    io=metrics.IoStatV2(usage=[metrics.IoEntryV2(major=8, minor=16, rbytes=13, wbytes=14, rios=15, wios=16)]),
    memory_events=metrics.MemoryEvents(oom=17),
)


def lines(name: str, stats: Message, namespace: str = "default") -> list[str]:
    typed = TypedValue(name, encode(stats))
    task = TaskStats(namespace=namespace, id="box", runtime="io.containerd.runc.v2", stats=typed)
    return text_of(container_families([task])).splitlines()


def test_a_container_of_cgroup_v1_has_the_originals_names() -> None:
    text = lines(metrics.V1_TYPE, V1)
    for expected in (
        f"container_pids_limit{{{LABELS}}} 5",
        f"container_pids_current{{{LABELS}}} 4",
        f"container_cpu_total_nanoseconds{{{LABELS}}} 60",
        f"container_cpu_throttled_time_nanoseconds{{{LABELS}}} 8",
        'container_per_cpu_nanoseconds{container_id="box",cpu="1",namespace="default",runtime="io.containerd.runc.v2"}'
        " 10",
        f"container_memory_cache_bytes{{{LABELS}}} 9",
        f"container_memory_total_unevictable_bytes{{{LABELS}}} 0",
        f"container_memory_usage_limit_bytes{{{LABELS}}} 9223372036854771712",
        f"container_memory_usage_failcnt_total{{{LABELS}}} 12",
        'container_hugetlb_failcnt_total{container_id="box",namespace="default",page="2MB",runtime="io.containerd.runc.v2"}'
        " 3",
        'container_blkio_io_service_bytes_recursive_bytes{container_id="box",device="/dev/sda",major="8",minor="0",'
        'namespace="default",op="Read",runtime="io.containerd.runc.v2"} 13',
        "# TYPE container_cpu_total_nanoseconds gauge",
    ):
        assert expected in text
    assert not any("memory_swap" in line for line in text)  # the kernel accounts for no swap here


def test_a_container_of_cgroup_v2_has_the_originals_names() -> None:
    text = lines(metrics.V2_TYPE, V2)
    for expected in (
        f"container_cpu_usage_usec_microseconds{{{LABELS}}} 3",
        f"container_cpu_nr_throttled_total{{{LABELS}}} 7",
        f"container_memory_usage_bytes{{{LABELS}}} 10",
        f"container_memory_usage_limit_bytes{{{LABELS}}} 11",
        f"container_memory_anon_bytes{{{LABELS}}} 9",
        f"container_memory_thp_collapse_alloc_bytes{{{LABELS}}} 0",
        f"container_memory_oom_total{{{LABELS}}} 17",
        'container_io_wbytes_bytes{container_id="box",major="8",minor="16",namespace="default",'
        'runtime="io.containerd.runc.v2"} 14',
    ):
        assert expected in text
    assert not any("max_usage" in line for line in text)


def test_what_is_no_cgroups_counters_is_left_out() -> None:
    assert lines("io.containerd.cgroups.v9.Metrics", V1) == []
    broken = TaskStats(namespace="x", id="y", runtime="z", stats=TypedValue(metrics.V1_TYPE, b"\xff"))
    assert container_families([broken]) == []


def test_the_text_escapes_what_it_must() -> None:
    family = Family(name="a", help="one\ntwo \\", samples=[Sample((("l", 'x"\\\n'),), 1.5), Sample((), float("inf"))])
    assert text_of([family]) == '# HELP a one\\ntwo \\\\\n# TYPE a gauge\na{l="x\\"\\\\\\n"} 1.5\na +Inf\n'


def test_calls_are_counted_from_zero() -> None:
    counters = CallCounters(histogram=True)
    (version,) = methods_of(version_pb2.DESCRIPTOR.services_by_name["Version"]).values()
    content = methods_of(content_pb2.DESCRIPTOR.services_by_name["Content"])
    counters.expect([version, *content.values()])
    counters.started(version)
    counters.received(version)
    counters.handled(version, 5, 0.03)
    text = text_of(counters.families()).splitlines()
    labels = 'grpc_method="Version",grpc_service="containerd.services.version.v1.Version",grpc_type="unary"'
    write = 'grpc_method="Write",grpc_service="containerd.services.content.v1.Content",grpc_type="bidi_stream"'
    for expected in (
        f"grpc_server_started_total{{{labels}}} 1",
        f"grpc_server_msg_received_total{{{labels}}} 1",
        f"grpc_server_msg_sent_total{{{labels}}} 0",
        f'grpc_server_handled_total{{grpc_code="NotFound",{labels}}} 1',
        f'grpc_server_handled_total{{grpc_code="OK",{labels}}} 0',
        f"grpc_server_started_total{{{write}}} 0",
        f'grpc_server_handling_seconds_bucket{{{labels},le="0.025"}} 0',
        f'grpc_server_handling_seconds_bucket{{{labels},le="0.05"}} 1',
        f'grpc_server_handling_seconds_bucket{{{labels},le="+Inf"}} 1',
        f"grpc_server_handling_seconds_count{{{labels}}} 1",
        "# TYPE grpc_server_handling_seconds histogram",
    ):
        assert expected in text


def test_times_are_measured_only_where_they_are_wanted() -> None:
    assert not any("seconds" in family.name for family in CallCounters(histogram=False).families())


@pytest.mark.parametrize("name", ["process_resident_memory_bytes", "process_open_fds", "containerd_build_info_total"])
def test_the_process_tells_of_itself(name: str) -> None:
    (family,) = (family for family in process_families() if family.name == name)
    assert family.samples[0].value > 0

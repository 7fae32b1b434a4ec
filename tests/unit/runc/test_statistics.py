"""Usage read from control files: v2's, which this machine may not have, from a folder that looks like a group."""

from pathlib import Path

from slipway.runc.confine import statistics_v2
from slipway.runc.confine.statistics_model import Statistics, numbers_from_ranges

FILES = {
    "pids.current": "3\n",
    "pids.max": "max\n",
    "memory.stat": "anon 100\nfile 50\n",
    "memory.current": "150\n",
    "memory.max": "1000\n",
    "memory.peak": "170\n",
    "memory.swap.current": "5\n",
    "memory.swap.max": "2000\n",
    "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
    "cpu.stat": "usage_usec 7\nuser_usec 4\nsystem_usec 3\nnr_periods 2\nnr_throttled 1\nthrottled_usec 9\n",
    "cpu.pressure": "some avg10=0.50 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "hugetlb.2MB.current": "0\n",
    "hugetlb.2MB.events": "max 4\n",
}


def test_a_group_of_v2_in_the_names_of_v1(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    statistics = Statistics()
    statistics_v2.read(statistics, str(tmp_path), ["2MB", "1GB"])
    nothing = {"avg10": 0, "avg60": 0, "avg300": 0, "total": 0}
    assert statistics.document() == {
        "cpu": {
            "usage": {"total": 7000, "kernel": 3000, "user": 4000},
            "throttling": {"periods": 2, "throttledPeriods": 1, "throttledTime": 9000},
            "psi": {"some": nothing | {"avg10": 0.5, "total": 12}, "full": nothing},
        },
        "cpuset": {
            "cpu_exclusive": 0,
            "mem_hardwall": 0,
            "mem_exclusive": 0,
            "memory_migrate": 0,
            "memory_spread_page": 0,
            "memory_spread_slab": 0,
            "memory_pressure": 0,
            "sched_load_balance": 0,
            "sched_relax_domain_level": 0,
        },
        "memory": {
            "cache": 50,
            "usage": {"limit": 1000, "usage": 150, "max": 170, "failcnt": 0},
            "swap": {"limit": 3000, "usage": 155, "failcnt": 0},
            "kernel": {"limit": 0, "failcnt": 0},
            "kernelTCP": {"limit": 0, "failcnt": 0},
            "raw": {"anon": 100, "file": 50},
        },
        "pids": {"current": 3},
        "blkio": {
            "ioServiceBytesRecursive": [
                {"major": 8, "op": "Read", "value": 10},
                {"major": 8, "op": "Write", "value": 20},
            ],
            "ioServicedRecursive": [
                {"major": 8, "op": "Read", "value": 1},
                {"major": 8, "op": "Write", "value": 2},
            ],
        },
        "hugetlb": {"2MB": {"failcnt": 4}},
        "intel_rdt": {},
        "network_interfaces": None,
    }


def test_controllers_that_are_off_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("1\n2\n")
    statistics = Statistics()
    statistics_v2.read(statistics, str(tmp_path), [])
    assert statistics.pids == 2
    assert statistics.raw == {}


def test_ranges() -> None:
    assert numbers_from_ranges("0-2,5") == [0, 1, 2, 5]
    assert numbers_from_ranges("") == []

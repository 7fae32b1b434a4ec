"""Limits that a kernel cannot hold: found in its files, left out with a warning."""

from pathlib import Path

from slipway.contracts.engine_api.host_config import HostConfig
from slipway.dockerd.containers.request.absent_limits import without_absent_limits
from slipway.dockerd.system.limit_support import absent_limits


def test_v2_has_no_swappiness_and_no_way_around_the_killer(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    assert absent_limits(str(tmp_path)) == {"memory_swappiness", "kernel_memory", "oom_kill_disable"}
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    assert {"memory", "memory_swap", "cpuset_cpus", "blkio_weight"} <= absent_limits(str(tmp_path))


def test_v1_has_what_it_has_files_for(tmp_path: Path) -> None:
    for name in ("memory/memory.limit_in_bytes", "blkio/blkio.throttle.read_bps_device", "cpu/cpu.shares"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    absent = absent_limits(str(tmp_path))
    assert {"blkio_weight", "memory_swap", "pids_limit", "cpuset_cpus"} <= absent
    assert not {"memory", "cpu_shares"} & absent


def test_what_was_asked_for_is_left_out_with_a_sentence() -> None:
    asked = HostConfig(blkio_weight=300, cpu_shares=512, oom_kill_disable=False)
    held, warnings = without_absent_limits(asked, {"blkio_weight", "oom_kill_disable", "memory"})
    assert (held.blkio_weight, held.cpu_shares, held.oom_kill_disable) == (0, 512, None)
    assert warnings == ["Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."]


def test_memory_is_limited_without_swap_where_swap_cannot_be() -> None:
    held, warnings = without_absent_limits(HostConfig(memory=64 << 20), {"memory_swap"})
    assert (held.memory, held.memory_swap) == (64 << 20, -1)
    assert warnings[0].endswith("Memory limited without swap.")


def test_nothing_asked_for_is_nothing_said() -> None:
    assert without_absent_limits(HostConfig(), {"memory", "memory_swap", "pids_limit"}) == (HostConfig(), [])

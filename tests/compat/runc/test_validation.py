"""The OCI runtime-tools' validation programs: every assertion that runc 1.3 or crun passes here, our runc passes.

`./dev validation` writes docs/conformance/oci-validation.md from the same programs, places and runtimes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import validation
from tests.support.validation import Place
from tests.support.validation_reasons import is_excused

pytestmark = [pytest.mark.root, pytest.mark.peers]

# About a second each with all three runtimes: the largest first.
SAMPLE = (
    "linux_uid_mappings",
    "hooks_stdin",
    "create",
)
REST = [
    "process_user",
    "linux_seccomp",
    "linux_cgroups_relative_devices",
    "config_updates_without_affect",
    "default",
    "delete",
    "delete_only_create_resources",
    "delete_resources",
    "hooks",
    "hostname",
    "kill",
    "kill_no_effect",
    "killsig",
    "linux_cgroups_blkio",
    "linux_cgroups_cpus",
    "linux_cgroups_devices",
    "linux_cgroups_hugetlb",
    "linux_cgroups_memory",
    "linux_cgroups_network",
    "linux_cgroups_pids",
    "linux_cgroups_relative_blkio",
    "linux_cgroups_relative_cpus",
    "linux_cgroups_relative_hugetlb",
    "linux_cgroups_relative_memory",
    "linux_cgroups_relative_network",
    "linux_cgroups_relative_pids",
    "linux_devices",
    "linux_masked_paths",
    "linux_mount_label",
    "linux_ns_itype",
    "linux_ns_nopath",
    "linux_ns_path",
    "linux_ns_path_type",
    "linux_process_apparmor_profile",
    "linux_readonly_paths",
    "linux_rootfs_propagation",
    "linux_sysctl",
    "misc_props",
    "mounts",
    "pidfile",
    "poststart",
    "poststart_fail",
    "poststop",
    "poststop_fail",
    "prestart",
    "prestart_fail",
    "process",
    "process_capabilities",
    "process_capabilities_fail",
    "process_oom_score_adj",
    "process_rlimits",
    "process_rlimits_fail",
    "root_readonly_true",
    "start",
    "state",
]


@pytest.fixture(scope="module")
def place(machine_unchanged: None, short_folder: Path, sid: str) -> Iterator[Place]:
    """Gone before the next module: meanwhile cgroup v2 lacks hugetlb, which the original's statistics want."""
    folder = short_folder / "v"
    folder.mkdir()
    with validation.place(folder) as place:
        yield place


@pytest.mark.parametrize("program", [*SAMPLE, *(pytest.param(name, marks=pytest.mark.matrix) for name in REST)])
def test_what_an_original_passes_ours_passes(place: Place, program: str) -> None:
    results = place.run_beside(program)
    ours, theirs = results["ours"], results["runc"].passed | results["crun"].passed
    missing = {text: count for text, count in (theirs - ours.passed).items() if not is_excused(program, text)}
    assert not missing, ours.said


@pytest.mark.matrix
def test_no_program_is_left_out(place: Place) -> None:
    assert sorted([*SAMPLE, *REST]) == validation.names(place.programs)

"""Which of our programs runs with which of the originals, and the tests that prove it: on trixie's tree, and on sid's.

A test is named as pytest names it, below tests/; without brackets, any of its cases. `{suite}` is the tree's name.
"""

from dataclasses import dataclass
from typing import Final

SUITES: Final = {
    "trixie": "Docker 26.1, containerd 1.7, runc 1.1, crun 1.21",
    "sid": "Docker 28.5, containerd 2.1, runc 1.3, crun 1.28",
}
_CTR: Final = "compat/containerd/test_ctr.py"
_VERBS: Final = "compat/containerd/test_ctr_verbs.py"
_DOCKERD: Final = "compat/containerd/test_dockerd.py"
_SHIM: Final = "compat/shim/test_under_containerd.py"
_CRUN: Final = "compat/shim/test_runtimes_under_containerd.py::test_a_container_lives"
_NAMES: Final = "compat/containerd/test_binary_names.py"


@dataclass(frozen=True, slots=True)
class Cell:
    """`what` runs with `beside`; proven by every one of `tests`, on each of the trees."""

    what: str
    beside: str
    tests: tuple[str, ...]


def _ctr(what: str, *tests: str) -> Cell:
    return Cell(f"original `ctr {what}`", "our containerd", tuple(f"{test}[{{suite}}]" for test in tests))


def _dockerd(way: str, store: str, words: str) -> Cell:
    test = "test_a_container_of_it_through_its_life"
    images = "test_images_are_committed_saved_and_loaded"
    tests = tuple(f"{_DOCKERD}::{name}[{{suite}} {way} {store}]" for name in (test, images))
    return Cell(f"original dockerd, {words}", "our containerd", tests)


CELLS: Final = (
    Cell("original `ctr images pull`, `push`", "our containerd", (f"{_CTR}::test_an_image_is_pushed_pulled_and_run",)),
    _ctr("images import`, `run", f"{_CTR}::test_an_image_is_imported_run_and_collected"),
    _ctr("images export", f"{_VERBS}::test_an_image_is_exported_and_comes_back"),
    _ctr(
        "images check`, `label`, `mount`, `tag`, `prune",
        f"{_VERBS}::test_an_image_is_checked_labelled_mounted_and_pruned",
    ),
    _ctr(
        "tasks ls`, `ps`, `exec`, `pause`, `resume`, `metrics`, `delete",
        f"{_CTR}::test_a_task_from_start_to_end",
    ),
    _ctr(
        "tasks start`, `attach`, `kill",
        f"{_VERBS}::test_a_task_is_started_attached_to_and_deleted",
        f"{_VERBS}::test_a_task_is_killed_and_measured",
    ),
    Cell(
        "original `ctr tasks checkpoint`, `containers restore`",
        "our containerd",
        ("compat/containerd/test_checkpoints.py::test_a_task_goes_on_in_another_container",),
    ),
    _ctr(
        "snapshots",
        f"{_VERBS}::test_snapshots_from_one_to_the_next",
        f"{_VERBS}::test_a_snapshot_s_difference_is_a_layer",
        f"{_VERBS}::test_layers_are_unpacked",
    ),
    _ctr(
        "content",
        f"{_CTR}::test_content",
        f"{_VERBS}::test_content_to_and_from_a_registry",
        f"{_VERBS}::test_content_is_edited_and_pruned",
    ),
    _ctr("leases", f"{_CTR}::test_leases", f"{_VERBS}::test_a_lease_with_an_end_and_one_without"),
    _ctr("events", f"{_CTR}::test_events_are_told"),
    _ctr("namespaces", f"{_CTR}::test_namespaces"),
    _ctr("version`, `plugins ls", f"{_CTR}::test_version_and_plugins"),
    _dockerd("given", "overlay2", "graphdrivers, by `--containerd`"),
    _dockerd("given", "containerd-snapshotter", "containerd's image store, by `--containerd`"),
    _dockerd("child", "overlay2", "graphdrivers, as its own child"),
    _dockerd("child", "containerd-snapshotter", "containerd's image store, as its own child"),
    Cell(
        "our dockerd",
        "original containerd, its shim, its runc",
        (
            "compat/containerd/test_under_our_dockerd.py::test_a_life[{suite}]",
            "compat/containerd/test_under_our_dockerd.py::test_images_are_saved_removed_and_loaded[{suite}]",
        ),
    ),
    Cell(
        "original containerd",
        "our shim by name on PATH, our runc",
        (f"{_SHIM}::test_kill_and_delete[{{suite}}-our-runc]",),
    ),
    Cell(
        "original containerd",
        "our shim by name on PATH, original runc",
        (f"{_SHIM}::test_kill_and_delete[{{suite}}-their-runc]",),
    ),
    Cell("original containerd", "our shim by name on PATH, crun", (f"{_CRUN}[{{suite}}-crun]",)),
    Cell("original containerd", "our shim by path without options, our runc", (f"{_CRUN}[{{suite}}-shim by path]",)),
    Cell(
        "original dockerd and containerd",
        "our shim by path, our runc",
        ("compat/shim/test_under_dockerd.py::test_logs_exec_and_stop[{suite}]",),
    ),
    Cell(
        "our containerd",
        "original containerd-shim-runc-v2",
        (f"{_CTR}::test_the_originals_shims_run_under_us[{{suite}}]",),
    ),
    Cell(
        "our shim",
        "original runc and crun by BinaryName on PATH",
        tuple(
            f"{_NAMES}::test_a_runtime_of_that_name_is_executed[on-path-{name}-{{suite}}]" for name in ("runc", "crun")
        ),
    ),
    Cell(
        "our shim",
        "original runc and crun by BinaryName as a path",
        tuple(
            f"{_NAMES}::test_a_runtime_of_that_name_is_executed[by-path-{name}-{{suite}}]" for name in ("runc", "crun")
        ),
    ),
    Cell(
        "our dockerd, containerd and shim",
        "original runc and crun by `--add-runtime`",
        ("compat/shim/test_other_runtimes.py",),
    ),
    Cell("our shim", "our runc without a BinaryName: forked", (f"{_NAMES}::test_without_a_name_our_own_is_forked",)),
)


def proofs_of(cell: Cell, suite: str) -> tuple[str, ...]:
    """Their names, or beginnings of names, on one tree."""
    return tuple(test.format(suite=suite) for test in cell.tests)

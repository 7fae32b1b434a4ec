"""What every snapshotter promises. See containerd/snapshots/interface.py."""

import os
from pathlib import Path
from typing import Protocol

import pytest

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from slipway.containerd.leases.model import Lease
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.snapshots.model import REFERENCE_LABEL, SnapshotKind
from slipway.contracts.containerd_api.types import Mount
from slipway.database.sqlite import SqliteDatabase

pytestmark = pytest.mark.root
SCOPE = Scope("tests")


class Shell(Protocol):
    def __call__(self, mounts: tuple[Mount, ...], script: str) -> str: ...


def layer(snapshotter: Snapshotter, shell: Shell, name: str, script: str, parent: str = "") -> None:
    shell(snapshotter.prepare(SCOPE, f"{name}-active", parent), script)
    snapshotter.commit(SCOPE, name, f"{name}-active")


def test_a_stack_of_layers_shows_writes_changes_and_deletions(snapshotter: Snapshotter, shell: Shell) -> None:
    layer(snapshotter, shell, "one", "echo 1 >a; echo 1 >b; mkdir d; echo x >d/e; ln a linked")
    layer(snapshotter, shell, "two", "echo 2 >b; rm -r d; mkdir d; echo new >d/f", parent="one")
    layer(snapshotter, shell, "three", "rm a; ln -s b link", parent="two")
    active = snapshotter.prepare(SCOPE, "container", "three")
    assert shell(active, "cat b link d/f linked; ls; ls d; echo w >written") == (
        "2\n2\nnew\n1\nb\nd\nlink\nlinked\nf\n"
    )
    assert shell(snapshotter.mounts(SCOPE, "container"), "cat written") == "w\n"
    assert "written" not in shell(snapshotter.view(SCOPE, "look", "three"), "ls")


def test_views_are_read_only(snapshotter: Snapshotter, shell: Shell) -> None:
    layer(snapshotter, shell, "base", "echo 1 >a")
    for at, parent in enumerate(("", "base")):
        mounts = snapshotter.view(SCOPE, f"view{at}", parent)
        assert shell(mounts, "touch x 2>/dev/null || echo refused") == "refused\n"
        with pytest.raises(FailedPrecondition):
            snapshotter.commit(SCOPE, f"name{at}", f"view{at}")


def test_kinds_parents_labels_and_times_are_told(snapshotter: Snapshotter) -> None:
    snapshotter.prepare(SCOPE, "a", labels={"x": "1"})
    assert snapshotter.stat(SCOPE, "a").kind is SnapshotKind.ACTIVE
    assert snapshotter.stat(SCOPE, "a").labels == {"x": "1"}
    snapshotter.commit(SCOPE, "base", "a", labels={"y": "2"})
    with pytest.raises(NotFound):
        snapshotter.stat(SCOPE, "a")
    snapshotter.view(SCOPE, "v", "base")
    info = snapshotter.stat(SCOPE, "v")
    assert (info.kind, info.parent, snapshotter.stat(SCOPE, "base").labels) == (SnapshotKind.VIEW, "base", {"y": "2"})
    assert info.created_at >= snapshotter.stat(SCOPE, "base").created_at > 0


def test_names_are_taken_once(snapshotter: Snapshotter) -> None:
    snapshotter.prepare(SCOPE, "a")
    for make in (snapshotter.prepare, snapshotter.view):
        with pytest.raises(AlreadyExists):
            make(SCOPE, "a")
    snapshotter.commit(SCOPE, "base", "a")
    snapshotter.prepare(SCOPE, "b")
    with pytest.raises(AlreadyExists):
        snapshotter.commit(SCOPE, "base", "b")
    assert snapshotter.stat(SCOPE, "b").kind is SnapshotKind.ACTIVE
    snapshotter.prepare(Scope("other"), "a")


def test_parents_must_be_committed_and_stay_while_they_have_children(snapshotter: Snapshotter) -> None:
    with pytest.raises(NotFound):
        snapshotter.prepare(SCOPE, "x", "missing")
    snapshotter.prepare(SCOPE, "a")
    with pytest.raises(InvalidArgument):
        snapshotter.prepare(SCOPE, "x", "a")
    snapshotter.commit(SCOPE, "base", "a")
    snapshotter.prepare(SCOPE, "x", "base")
    with pytest.raises(FailedPrecondition):
        snapshotter.remove(SCOPE, "base")
    snapshotter.remove(SCOPE, "x")
    snapshotter.remove(SCOPE, "base")
    for call in (snapshotter.stat, snapshotter.remove, snapshotter.mounts, snapshotter.usage):
        with pytest.raises(NotFound):
            call(SCOPE, "base")
    with pytest.raises(InvalidArgument):
        snapshotter.prepare(SCOPE, "")


def test_labels_change_by_mask_and_nothing_else_does(snapshotter: Snapshotter) -> None:
    snapshotter.prepare(SCOPE, "a", labels={"keep": "1", "drop": "1"})
    snapshotter.update(SCOPE, "a", {"new": "2"}, ["labels.new", "labels.drop"])
    assert snapshotter.stat(SCOPE, "a").labels == {"keep": "1", "new": "2"}
    assert snapshotter.update(SCOPE, "a", {"only": "3"}).labels == {"only": "3"}
    with pytest.raises(InvalidArgument, match=r'^cannot update "parent" field on snapshot "a": invalid argument$'):
        snapshotter.update(SCOPE, "a", {}, ["parent"])
    with pytest.raises(InvalidArgument, match=r"^info.Labels: label key and value length"):
        snapshotter.update(SCOPE, "a", {"long": "x" * 5000})
    with pytest.raises(NotFound):
        snapshotter.update(SCOPE, "absent", {}, ["parent"])


def test_lists_are_filtered_and_belong_to_a_namespace(snapshotter: Snapshotter) -> None:
    snapshotter.prepare(SCOPE, "a", labels={"role": "x"})
    snapshotter.prepare(SCOPE, "b")
    snapshotter.commit(SCOPE, "base", "b")
    snapshotter.prepare(Scope("other"), "c")
    assert [info.name for info in snapshotter.list(SCOPE)] == ["a", "base"]
    assert [info.name for info in snapshotter.list(SCOPE, ["kind==committed"])] == ["base"]
    assert [info.name for info in snapshotter.list(SCOPE, ["labels.role==x"])] == ["a"]


def test_usage_counts_only_what_a_snapshot_adds(snapshotter: Snapshotter, shell: Shell) -> None:
    layer(snapshotter, shell, "base", "head -c 1000000 /dev/zero >big")
    base = snapshotter.usage(SCOPE, "base")
    assert base.size >= 1000000
    assert base.inodes == 2
    assert snapshotter.usage(SCOPE, "base") == base
    mounts = snapshotter.prepare(SCOPE, "a", "base")
    shell(mounts, "head -c 50000 /dev/zero >small")
    assert snapshotter.usage(SCOPE, "a").size >= 50000


def test_directories_go_with_the_cleanup_and_only_then(snapshotter: Snapshotter, shell: Shell) -> None:
    layer(snapshotter, shell, "base", "mkdir -p a/b/c; chmod 0 a/b/c")
    source = Path(next(iter(snapshotter.view(SCOPE, "v", "base"))).source)
    snapshotter.remove(SCOPE, "v")
    snapshotter.remove(SCOPE, "base")
    assert source.exists()
    kept = Path(snapshotter.prepare(SCOPE, "kept")[0].source)
    snapshotter.cleanup()
    assert not source.exists()
    assert kept.exists()


def test_a_directory_that_a_crash_left_is_no_obstacle(snapshotter: Snapshotter) -> None:
    first = Path(snapshotter.prepare(SCOPE, "a")[0].source)
    folder = first if first.name != "fs" else first.parent
    stale = folder.parent / str(int(folder.name) + 1)
    stale.mkdir()
    (stale / "left").write_text("behind")
    second = Path(snapshotter.prepare(SCOPE, "b")[0].source)
    assert not (second / "left").exists()
    snapshotter.prepare(SCOPE, "gone")  # without anything to remove, another process is not asked
    snapshotter.remove(SCOPE, "gone")
    snapshotter.cleanup()
    assert sorted(os.listdir(folder.parent)) == sorted([folder.name, stale.name])


def test_a_lease_holds_what_is_made_under_it(snapshotter: Snapshotter, database: SqliteDatabase) -> None:
    leases = LeaseStore(database, Clock())
    leases.create(SCOPE, Lease(id="l"))
    snapshotter.prepare(Scope("tests", "l"), "a")
    assert [(held.kind, held.id) for held in leases.resources(SCOPE, "l")] == [(f"snapshots/{snapshotter.name}", "a")]
    with pytest.raises(NotFound):
        snapshotter.prepare(Scope("tests", "missing"), "b")
    with pytest.raises(NotFound):
        snapshotter.stat(SCOPE, "b")


def test_what_an_unpacker_would_make_is_there_and_its_lease_holds_it(
    snapshotter: Snapshotter, database: SqliteDatabase
) -> None:
    leases = LeaseStore(database, Clock())
    leases.create(SCOPE, Lease(id="l"))
    snapshotter.prepare(SCOPE, "a")
    snapshotter.commit(SCOPE, "base", "a")
    with pytest.raises(AlreadyExists):
        snapshotter.prepare(Scope("tests", "l"), "extract-1 base", labels={REFERENCE_LABEL: "base"})
    assert [held.id for held in leases.resources(SCOPE, "l")] == ["base"]
    assert [info.name for info in database.read(lambda connection: snapshotter.infos(connection, SCOPE.namespace))] == [
        "base"
    ]

"""The machine stops: what the disk may not have is made again before anybody sees it, and what cannot be made is gone.

A power cut is played: `recover` is what a daemon calls that finds another boot, and the directories are torn by hand.
Real ones are in tests/system/test_power_cuts.py.
"""

import shutil
import sqlite3
from pathlib import Path

import pytest

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, FailedPrecondition, NotFound
from slipway.containerd.diff.targets import tree_from_mounts
from slipway.containerd.leases.model import Lease, LeaseResource
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.model import Scope
from slipway.containerd.snapshots import rows
from slipway.containerd.snapshots import snapshotter as implementation
from slipway.containerd.snapshots.snapshotter import FolderSnapshotter
from slipway.contracts.containerd_api.types import Mount
from slipway.database.sqlite import SqliteDatabase
from tests.contract.snapshots.conftest import MemoryLayers

pytestmark = pytest.mark.root
SCOPE = Scope("tests")


@pytest.fixture
def snapshotter(folder_snapshotter: FolderSnapshotter) -> FolderSnapshotter:
    """Only what is here can be torn here."""
    return folder_snapshotter


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is waited for when a test says so."""
    monkeypatch.setattr(implementation, "REST", 1000.0)
    monkeypatch.setattr(implementation, "LONGEST", 1000.0)


def trees(mounts: tuple[Mount, ...]) -> list[Path]:
    """A snapshot's own directory, and those that show through, nearest first."""
    tree = tree_from_mounts(mounts, writable=False)
    assert tree is not None
    return [Path(tree.path), *map(Path, tree.lower)]


def read(mounts: tuple[Mount, ...], name: str) -> str:
    """A file as the mounts show it; empty for none."""
    return next(((tree / name).read_text() for tree in trees(mounts) if (tree / name).exists()), "")


@pytest.fixture
def image(snapshotter: FolderSnapshotter, layers: MemoryLayers) -> str:
    """A stack of two layers, made as their content says; the name of the upper one."""
    layers.known = {"one": ("a", "1"), "two": ("b", "2")}
    for name, parent in (("one", ""), ("two", "one")):
        layers.fill("tests", name, parent, snapshotter.prepare(SCOPE, f"{name}-active", parent))
        snapshotter.commit(SCOPE, name, f"{name}-active")
    layers.filled.clear()
    return "two"


def tear(snapshotter: FolderSnapshotter) -> None:
    """Every file of every snapshot is as long as it was, and empty."""
    for path in Path(snapshotter._folders.path).rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(path.stat().st_size))


def test_what_was_not_on_disk_is_made_again_at_its_first_use(
    snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str
) -> None:
    tear(snapshotter)
    snapshotter.recover(machine_stopped=True)
    assert {info.name for info in snapshotter.list(SCOPE)} == {"one", "two"}
    assert not layers.filled
    mounts = snapshotter.prepare(SCOPE, "container", image)
    assert layers.filled == ["one", "two"]
    assert (read(mounts, "a"), read(mounts, "b")) == ("1", "2")
    snapshotter.view(SCOPE, "look", "one")
    assert layers.filled == ["one", "two"], "what was made again is whole"


def test_what_is_on_disk_is_trusted(snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str) -> None:
    snapshotter.synchronise()
    snapshotter.prepare(SCOPE, "later", image)
    snapshotter.commit(SCOPE, "three", "later")
    layers.known.clear()
    snapshotter.recover(machine_stopped=True)
    assert {info.name for info in snapshotter.list(SCOPE)} == {"one", "two"}
    assert read(snapshotter.prepare(SCOPE, "container", image), "b") == "2"


def test_what_no_content_makes_again_is_gone(snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str) -> None:
    layers.known.pop("two")
    snapshotter.recover(machine_stopped=True)
    assert [info.name for info in snapshotter.list(SCOPE)] == ["one"]
    with pytest.raises(NotFound):
        snapshotter.prepare(SCOPE, "container", image)


def test_a_container_on_it_is_kept_and_never_shown_what_is_torn(
    snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str
) -> None:
    snapshotter.prepare(SCOPE, "container", image)
    content = layers.known.pop("two")
    snapshotter.recover(machine_stopped=True)
    with pytest.raises(FailedPrecondition, match="two: the machine stopped before the disk had it"):
        snapshotter.mounts(SCOPE, "container")
    layers.known["two"] = content  # pulled again
    assert read(snapshotter.mounts(SCOPE, "container"), "b") == "2"


def test_what_a_container_wrote_stays(
    snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str, database: SqliteDatabase
) -> None:
    """On overlayfs it is the container's own, and as whole as any file after a power cut."""
    (trees(snapshotter.prepare(SCOPE, "container", image))[0] / "own").write_text("mine")
    if snapshotter.name == "native":
        snapshotter.synchronise()  # else the copy of the parent may be torn as well
        database.write(lambda connection: connection.execute("UPDATE snapshots SET state = 0 WHERE key = 'two'"))
    snapshotter.recover(machine_stopped=True)
    mounts = snapshotter.mounts(SCOPE, "container")
    assert (read(mounts, "own"), read(mounts, "b")) == ("mine", "2")
    assert "two" in layers.filled


@pytest.mark.parametrize("make", ["prepare", "view"])
def test_a_directory_that_never_came_to_the_disk_is_made_anew(
    snapshotter: FolderSnapshotter, image: str, make: str
) -> None:
    getattr(snapshotter, make)(SCOPE, "container", image)
    snapshotter.recover(machine_stopped=True)
    for path in Path(snapshotter._folders.path).iterdir():
        shutil.rmtree(path)
    mounts = snapshotter.mounts(SCOPE, "container")
    assert (read(mounts, "a"), read(mounts, "b")) == ("1", "2")
    if make == "prepare":
        (trees(mounts)[0] / "x").touch()


def test_a_copy_that_may_be_torn_is_made_anew(snapshotter: FolderSnapshotter, image: str) -> None:
    """Of its parents, as native snapshots are."""
    snapshotter.prepare(SCOPE, "container", image)
    tear(snapshotter)
    snapshotter.recover(machine_stopped=True)
    mounts = snapshotter.mounts(SCOPE, "container")
    assert (read(mounts, "a"), read(mounts, "b")) == ("1", "2")


def test_it_may_be_cut_again_and_again(snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str) -> None:
    snapshotter.prepare(SCOPE, "container", image)
    for _ in range(3):
        tear(snapshotter)
        snapshotter.recover(machine_stopped=True)
        layers.filled.clear()
        assert read(snapshotter.mounts(SCOPE, "container"), "b") == "2"
        assert "two" in layers.filled
    snapshotter.synchronise()
    snapshotter.recover(machine_stopped=True)
    layers.filled.clear()
    assert read(snapshotter.mounts(SCOPE, "container"), "b") == "2"
    assert not layers.filled


def test_what_is_committed_while_the_disk_is_waited_for_is_not_taken_for_waited_for(
    snapshotter: FolderSnapshotter, layers: MemoryLayers, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers.known = {"one": ("a", "1")}
    mounts = snapshotter.prepare(SCOPE, "active")

    def commit_meanwhile(path: str) -> None:
        layers.fill("tests", "one", "", mounts)
        snapshotter.commit(SCOPE, "one", "active")

    with monkeypatch.context() as patched:
        patched.setattr(implementation, "synchronise_path", commit_meanwhile)
        snapshotter.synchronise()
    tear(snapshotter)
    snapshotter.recover(machine_stopped=True)
    assert read(snapshotter.prepare(SCOPE, "container", "one"), "a") == "1"


def test_the_disk_is_waited_for_once_for_many_commits(
    snapshotter: FolderSnapshotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by nobody who asks for something: prepare and commit wait for no disk."""
    waited: list[str] = []
    monkeypatch.setattr(implementation, "synchronise_path", waited.append)
    for number in range(5):
        snapshotter.prepare(SCOPE, f"active-{number}")
        snapshotter.commit(SCOPE, f"layer-{number}", f"active-{number}")
    assert not waited
    snapshotter.close()
    assert len(waited) == 1


def test_what_an_earlier_daemon_did_not_come_to_is_waited_for_after_it_is_known_whether_the_machine_stopped(
    snapshotter: FolderSnapshotter, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waited for before, what is torn would be marked as whole."""
    wanted: list[str] = []
    monkeypatch.setattr(snapshotter._settling, "want", lambda: wanted.append("disk"))
    snapshotter.recover(machine_stopped=True)
    assert not wanted
    snapshotter.prepare(SCOPE, "active")
    snapshotter.recover(machine_stopped=False)
    assert wanted == ["disk"]


def test_the_usage_of_what_is_torn_is_not_remembered(
    snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str
) -> None:
    layers.known["one"] = ("a", "x" * 100_000)
    snapshotter.recover(machine_stopped=True)
    before = snapshotter.usage(SCOPE, "one").size
    snapshotter.view(SCOPE, "look", "one")
    assert snapshotter.usage(SCOPE, "one").size >= before + 90_000


def test_no_directory_goes_before_the_disk_has_it_that_its_row_went(
    snapshotter: FolderSnapshotter, database: SqliteDatabase, image: str
) -> None:
    """Else a power cut would bring the row back, marked as whole."""
    write = database.write
    seen: list[tuple[bool, int]] = []

    class Watched:
        read = staticmethod(database.read)

        @staticmethod
        def write(change: object, *, durable: bool = False) -> object:
            seen.append((durable, len(list(Path(snapshotter._folders.path).glob("removing-*")))))
            return write(change, durable=durable)  # type: ignore[arg-type]

    snapshotter.remove(SCOPE, "two")
    snapshotter._database = Watched()  # type: ignore[assignment]
    snapshotter.cleanup()
    assert seen[0] == (True, 0)
    assert sorted(path.name for path in Path(snapshotter._folders.path).iterdir()) == ["1"]


def test_a_table_of_an_earlier_version_is_completed(snapshotter: FolderSnapshotter, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.row_factory = sqlite3.Row
    connection.execute(rows.SCHEMA.replace("    state INTEGER NOT NULL DEFAULT 0,\n", ""))
    for _ in range(2):
        rows.make_table(connection)
    assert rows.written(connection, snapshotter.name) == []
    connection.close()


def test_a_layer_may_get_its_parent_when_it_is_full(
    snapshotter: FolderSnapshotter, layers: MemoryLayers, image: str
) -> None:
    if not snapshotter.is_independent:
        assert snapshotter.name == "native", "its layers are copies of their parents"
        return
    layers.known["three"] = ("c", "3")
    layers.fill("tests", "three", "two", snapshotter.prepare_layer(SCOPE, "apart", {}))
    trees(snapshotter.mounts(SCOPE, "apart"))[0].parent.joinpath("fs").chmod(0o700)
    shown = snapshotter.rebase(SCOPE, "apart", "two")
    assert [read(shown, name) for name in "abc"] == ["1", "2", "3"]
    assert trees(shown)[0].stat().st_mode & 0o777 == 0o755
    with pytest.raises(FailedPrecondition):
        snapshotter.rebase(SCOPE, "apart", "one")
    snapshotter.commit(SCOPE, "three", "apart")
    assert snapshotter.stat(SCOPE, "three").parent == "two"
    snapshotter.prepare_layer(SCOPE, "other", {})
    with pytest.raises(NotFound):
        snapshotter.rebase(SCOPE, "other", "nothing")


def test_what_it_is_to_become_is_there_and_held(
    snapshotter: FolderSnapshotter, database: SqliteDatabase, image: str
) -> None:
    """As the original says it, and its clients rely on it: who looks first and holds later loses it to a collection."""
    leases = LeaseStore(database, Clock())
    leases.create(SCOPE, Lease(id="l"))
    held = Scope("tests", "l")
    with pytest.raises(AlreadyExists):
        snapshotter.prepare(held, "extract", "one", {"containerd.io/snapshot.ref": image})
    assert snapshotter.hold(held, "one")
    assert not snapshotter.hold(held, "none")
    kind = f"snapshots/{snapshotter.name}"
    assert leases.resources(SCOPE, "l") == [LeaseResource(kind, "one"), LeaseResource(kind, "two")]

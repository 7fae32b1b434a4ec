"""SIGKILL in the middle of everything that changes the disk: nothing half done is seen, and nothing is left.

Before every n-th call that changes the disk, in each step of an image's life, containerd dies (kill_at_step.c). A new
one is started, the step is done again, the life goes on to its end, and then the disk is as if nothing had happened.
"""

import hashlib
import json
import mmap
import os
import sqlite3
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from slipway.base.digests import chain_ids, digest_of
from tests.integration.containerd.daemon import OurContainerd
from tests.integration.images.distribution import layer_of
from tests.support.file_registry import NAME as FAR
from tests.support.file_registry import FileRegistry
from tests.support.kept import library
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]
IMAGE, TAG = "docker.io/library/life:1", "docker.io/library/life:2"
BLOB = b"a blob of a client\n" * 5000
DIGEST = digest_of(BLOB)
LAYERS = [layer_of({f"d{at}/f{number}": bytes([at]) * 10_000 for number in range(5)}) for at in range(3)]
CHAINS = chain_ids(tuple(map(digest_of, LAYERS)))
FAR_LAYERS = [layer_of({f"far{at}/f{number}": bytes([at]) * 10_000 for number in range(5)}) for at in range(3)]
FAR_CHAINS = chain_ids(tuple(map(digest_of, FAR_LAYERS)))
CHAINS_OF = {IMAGE: CHAINS, FAR: FAR_CHAINS}
LARGE = layer_of({"large": os.urandom(4 << 20)})
NEVER = 1 << 30
PARTS = 8


def archive() -> bytes:
    ids = [*map(digest_of, LAYERS)]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = json.dumps({"os": "linux", "architecture": machine, "config": {}, "rootfs": {"diff_ids": ids}}).encode()
    names = [f"{at}/layer.tar" for at in range(len(LAYERS))]
    manifest = [{"Config": "c.json", "RepoTags": ["life:1"], "Layers": names}]
    files = {"c.json": config, "manifest.json": json.dumps(manifest).encode()}
    return layer_of({**dict(zip(names, LAYERS, strict=True)), **files})


class Died(Exception):
    """The daemon did."""


@dataclass
class Life:
    """A containerd that can be told when to die, and what it has been through."""

    daemon: OurContainerd
    countdown: mmap.mmap
    archive: Path
    trees: dict[str, str] = field(default_factory=dict)

    def arm(self, calls: int) -> None:
        self.countdown[:4] = struct.pack("=i", calls)

    @property
    def left(self) -> int:
        return int(struct.unpack("=i", self.countdown[:4])[0])

    def ctr(self, *arguments: str | Path, stdin: bytes = b"", check: bool = True) -> str:
        """Raises Died when the daemon does: `ctr` would wait for another one."""
        command = self.daemon.ctr_argv(*arguments)
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            client = subprocess.Popen(command, stdin=given, stdout=said, stderr=subprocess.STDOUT)
            try:
                wait_until(lambda: client.poll() is not None or not self.daemon.is_alive, "an end", 30)
            finally:
                client.kill()
                client.wait()
            said.seek(0)
            text = said.read().decode()
        if not self.daemon.is_alive:
            raise Died(f"{command}: {text}")
        assert not check or client.returncode == 0, f"{command}: {text}\n{self.daemon.log_path.read_text()}"
        return text

    @property
    def root(self) -> Path:
        return self.daemon.folder / "root"

    def files(self) -> list[str]:
        """What there is in the data folder, but for the database."""
        found = [str(path.relative_to(self.root)) for path in self.root.rglob("*")]
        return sorted(path for path in found if "metadata.db" not in path)


def load(life: Life) -> None:
    life.ctr("images", "import", life.archive)


def tag(life: Life) -> None:
    life.ctr("images", "tag", "--force", IMAGE, TAG)


def pull(life: Life) -> None:
    life.ctr("images", "pull", FAR)


def export(life: Life) -> None:
    target = life.daemon.folder / "exported.tar"
    target.unlink(missing_ok=True)
    life.ctr("images", "export", target, FAR)
    with tarfile.open(target) as exported:
        names = set(exported.getnames())
    assert {f"blobs/sha256/{digest_of(layer).removeprefix('sha256:')}" for layer in FAR_LAYERS} <= names


def ingest(life: Life) -> None:
    life.ctr("content", "ingest", "--expected-digest", DIGEST, "--expected-size", str(len(BLOB)), "ref", stdin=BLOB)
    keep(life, "content", DIGEST)


def snapshot(life: Life) -> None:
    for name in ("mine", "active"):
        life.ctr("snapshots", "rm", name, check=False)
    life.ctr("snapshots", "prepare", "active", CHAINS[-1])
    life.ctr("snapshots", "commit", "mine", "active", check=False)
    keep(life, "snapshots", "mine")


def keep(life: Life, kind: str, name: str) -> None:
    """Nothing else does: the collection that runs at a daemon's start, and after removals, may have come before."""
    life.ctr(kind, "label", name, "containerd.io/gc.root=now", check=False)


def lease(life: Life) -> None:
    life.ctr("leases", "rm", "mine", check=False)
    life.ctr("leases", "create", "--id", "mine", "a=b")
    life.ctr("leases", "rm", "--sync", "mine")


def remove(life: Life) -> None:
    """Everything, and what nobody keeps then; it may be partly done already."""
    life.ctr("content", "rm", DIGEST, check=False)
    for name in ("mine", "active"):
        life.ctr("snapshots", "rm", name, check=False)
    life.ctr("images", "rm", "--sync", IMAGE, TAG, FAR, check=False)
    for left in life.ctr("leases", "ls", "-q").split():  # of clients whose server died before they could
        life.ctr("leases", "rm", left)
    life.ctr("leases", "create", "--id", "last")
    life.ctr("leases", "rm", "--sync", "last")


STEPS: tuple[Callable[[Life], None], ...] = (load, tag, pull, export, ingest, snapshot, lease, remove)


@pytest.fixture(scope="module")
def life(machine_unchanged: None, sid: str, short_folder: Path) -> Iterator[Life]:
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="kill", dir=short_folder)))
    (daemon.folder / "life.tar").write_bytes(archive())
    steps = daemon.folder / "steps"
    steps.write_bytes(bytes(4096))
    killer = library(Path(__file__).with_name("kill_at_step.c"))
    daemon.environment = {"LD_PRELOAD": str(killer), "STEPS_FILE": str(steps)}
    with open(steps, "r+b") as file, mmap.mmap(file.fileno(), 4096) as countdown:
        try:
            daemon.start()
            with FileRegistry(daemon.sandbox, daemon.folder / "far", FAR_LAYERS):
                yield Life(daemon, countdown, daemon.folder / "life.tar")
        finally:
            daemon.close()


@dataclass
class Whole:
    """A life that nothing disturbs: how many calls each step takes, and what is left at the end."""

    calls: dict[str, int]
    files: list[str]


@pytest.fixture(scope="module")
def whole(life: Life) -> Whole:
    calls = {}
    for step in STEPS:
        life.arm(NEVER)
        step(life)
        calls[step.__name__] = NEVER - life.left
        if step in (load, pull):
            life.trees = trees(life)
    life.arm(0)
    assert min(calls.values()) > 0, "the killer is not loaded"
    return Whole(calls, life.files())


def trees(life: Life) -> dict[str, str]:
    """What each committed snapshot of an image is, by its name."""
    chains = (*CHAINS, *FAR_CHAINS)
    return {name: tree_digest(folder) for name, _, folder in snapshots(life) if name in chains}


def snapshots(life: Life) -> list[tuple[str, str, Path]]:
    rows = database(life, "SELECT id, key, kind FROM snapshots WHERE snapshotter = 'overlayfs'")
    folder = life.root / "io.containerd.snapshotter.v1.overlayfs/snapshots"
    return [(row["key"], row["kind"], folder / str(row["id"])) for row in rows]


def tree_digest(folder: Path) -> str:
    files = sorted(path for path in (folder / "fs").rglob("*") if path.is_file())
    parts = [f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    return digest_of("\n".join(parts).encode())


def database(life: Life, query: str) -> list[sqlite3.Row]:
    place = life.root / "io.containerd.metadata.v1.bolt/metadata.db"
    connection = sqlite3.connect(f"file:{place}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def check(life: Life) -> None:
    """Whatever is told of is there, and whole."""
    assert [row[0] for row in database(life, "PRAGMA integrity_check")] == ["ok"]
    assert not database(life, "PRAGMA foreign_key_check")
    blobs = life.root / "io.containerd.content.v1.content/blobs/sha256"
    for row in database(life, "SELECT digest, size FROM content"):
        try:
            data = (blobs / row["digest"].removeprefix("sha256:")).read_bytes()
        except FileNotFoundError:  # the collection that runs at the start may have come in between
            assert not database(life, f"SELECT 1 FROM content WHERE digest = '{row['digest']}'")
            continue
        assert (digest_of(data), len(data)) == (row["digest"], row["size"])
    found = trees(life)
    torn = {name for name, tree in found.items() if tree != life.trees[name]}
    torn |= {name for name, _, folder in snapshots(life) if not (folder / "fs").is_dir()}
    assert not torn & {name for name, _, _ in snapshots(life)}, "and not just collected"
    for image, chains in CHAINS_OF.items():
        if database(life, f"SELECT 1 FROM images WHERE name = '{image}'"):
            assert set(chains) <= set(found), f"{image} is told of, and its snapshots are not there"
    assert not transfers(life)


def transfers(life: Life) -> list[sqlite3.Row]:
    """The leases of those under way."""
    return database(life, "SELECT id FROM leases WHERE id LIKE 'transfer-%'")


SAMPLE = ("load-3", "load-6", "pull-3", "pull-6", "export-4", "snapshot-5", "remove-4")
CASES = [
    pytest.param(case, marks=[] if case in SAMPLE else [pytest.mark.matrix])
    for case in (f"{step.__name__}-{part}" for step in STEPS for part in range(PARTS))
]


@pytest.mark.parametrize("case", CASES)
def test_a_daemon_that_is_killed_leaves_nothing_half_done(life: Life, whole: Whole, case: str) -> None:
    name, part = case.split("-")
    victim = next(step for step in STEPS if step.__name__ == name)
    for step in STEPS[: STEPS.index(victim)]:
        step(life)
    life.arm(1 + whole.calls[name] * int(part) // PARTS)
    try:
        victim(life)
    except Died:
        pass
    else:
        life.daemon.kill()  # it does not always take as many calls
    life.arm(0)
    life.daemon.start()
    check(life)
    for step in STEPS[STEPS.index(victim) :]:
        step(life)
        check(life)
    assert life.files() == whole.files


def begun(daemon: OurContainerd, *arguments: str) -> "subprocess.Popen[bytes]":
    """A `ctr` whose output nobody reads."""
    return subprocess.Popen(daemon.ctr_argv(*arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def end(client: "subprocess.Popen[bytes]") -> None:
    client.kill()
    client.communicate()


def ingested(daemon: OurContainerd) -> list[int]:
    """How much has arrived of what is not whole."""
    return [path.stat().st_size for path in daemon.folder.glob("root/io.containerd.content.v1.content/ingest/*/data")]


@pytest.fixture
def far(sid: str, fresh: OurContainerd) -> Iterator[FileRegistry]:
    """With one large layer, beside a containerd that nothing else disturbs."""
    with FileRegistry(fresh.sandbox, fresh.folder / "far", [*FAR_LAYERS, LARGE]) as registry:
        yield registry


@pytest.mark.parametrize("how", [[], pytest.param(["--local", "--plain-http"], marks=pytest.mark.matrix)])
def test_a_pull_goes_on_where_a_kill_has_ended_it(fresh: OurContainerd, far: FileRegistry, how: list[str]) -> None:
    """In the middle of a layer; and what the layers are is true."""
    life = Life(fresh, mmap.mmap(-1, 4096), Path())
    digest = digest_of(LARGE)
    far.stop_in(digest)
    client = begun(fresh, "images", "pull", *how, FAR)
    try:
        wait_until(lambda: any(size >= 1 << 20 for size in ingested(fresh)), "half of the layer to arrive")
        fresh.kill()
    finally:
        end(client)
    far.go_on()
    fresh.start()
    assert not transfers(life)
    assert FAR not in fresh.ctr("images", "ls", "-q").stdout.decode()
    assert max(ingested(fresh)) >= 1 << 20
    fresh.ctr("images", "pull", *how, FAR)
    first, *later = far.asked_for(digest)
    assert first == ""
    assert later
    assert all(int(asked.removeprefix("bytes=").partition("-")[0]) >= 1 << 20 for asked in later)
    assert ingested(fresh) == []
    # What the first pull had begun to unpack is held by its client's lease, which `nothing_is_left` removes.
    assert fresh.ctr("snapshots", "ls").stdout.decode().count("Committed") == len(FAR_LAYERS) + 1
    mounted = fresh.ctr("content", "get", digest).stdout
    assert digest_of(mounted) == digest
    nothing_is_left(fresh)


def test_an_export_that_a_kill_has_ended_holds_nothing(fresh: OurContainerd, far: FileRegistry) -> None:
    """It waits for a client that does not read when containerd dies."""
    life = Life(fresh, mmap.mmap(-1, 4096), Path())
    fresh.ctr("images", "pull", FAR)
    client = begun(fresh, "images", "export", "-", FAR)
    try:
        assert client.stdout is not None
        assert client.stdout.read(512)  # it has begun
        fresh.kill()
    finally:
        end(client)
    fresh.start()
    assert not transfers(life)
    target = fresh.folder / "again.tar"
    fresh.ctr("images", "export", target, FAR)
    with tarfile.open(target) as exported:
        assert exported.getmember(f"blobs/sha256/{digest_of(LARGE).removeprefix('sha256:')}").size == len(LARGE)
    nothing_is_left(fresh)


def nothing_is_left(daemon: OurContainerd) -> None:
    """Once the image is removed, whatever else has a lease: of `ctr --local`, whose server died before it could end
    it."""
    for lease in daemon.ctr("leases", "ls", "-q").stdout.decode().split():
        daemon.ctr("leases", "rm", lease)
    daemon.ctr("images", "rm", "--sync", FAR)
    content = daemon.folder / "root/io.containerd.content.v1.content"
    assert not [path for place in ("ingest", "blobs/sha256") for path in content.glob(f"{place}/*")]
    assert len(daemon.ctr("snapshots", "ls").stdout.decode().splitlines()) == 1

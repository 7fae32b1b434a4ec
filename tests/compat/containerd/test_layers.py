"""Layers of both daemons beside each other: made by one, applied by the other, the trees are equal. And layers of media
types that neither reads, which programs of the configuration turn into ones that we do."""

import gzip
import io
import os
import secrets
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import zstandard

from tests.integration.containerd.daemon import OurContainerd, configured
from tests.support import layered, peers, processes, trees
from tests.support.layered import PLAIN, Layer
from tests.support.peers import OriginalContainerd
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

Ctr = Callable[..., bytes]
PLAINLY: dict[str, Callable[[bytes], bytes]] = {
    PLAIN: bytes,
    f"{PLAIN}+gzip": gzip.decompress,
    f"{PLAIN}+zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
BASE = """
mkdir -p d/keep d/drop/deep opaque dir-to-file was/here; echo 1 >d/keep/f; echo 1 >d/drop/deep/f; echo 1 >opaque/old
echo a >linked; ln linked linked-too; echo t >touched; echo m >mode; echo same >same; ln -s d link; echo x >file-to-dir
touch dir-to-file/f; echo 12345678 >rewritten; mkfifo fifo; mknod null c 1 3
find . -mindepth 1 -depth -exec touch -h -d @1500000 {} +
"""
CHANGES = """
echo 2 >d/keep/f; rm -r d/drop; rm -r opaque; mkdir opaque; echo n >opaque/new; rm -r dir-to-file; echo f >dir-to-file
rm file-to-dir; mkdir file-to-dir; echo f >file-to-dir/f; chown 1000:1001 touched; touch -d @1 touched
echo 87654321 >rewritten; touch -d @1500000 rewritten; ln linked-too a-new-name; ln linked-too z-new-name; rm link
ln -s /nowhere/at/all link; mkfifo -m 600 other-fifo; mknod block b 7 200; mknod char c 10 1048000; rm null
truncate -s 5000000 sparse; printf end >>sparse; mkdir -m 1777 sticky; mkdir -m 2755 setgid; touch -d @2000000.5 sticky
n=$(head -c 250 /dev/zero | tr '\\0' n); mkdir -p $n/$n; echo long >$n/$n/$n; ln -s $n/$n/$n long-link
echo caf >"$(printf 'caf\\303\\251')"; echo spaces >'two  words'; rm was/here -r; chmod 4711 mode
python3 -c 'import os, socket; socket.socket(socket.AF_UNIX).bind("socket"); mode = "mode"
os.setxattr(mode, "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
os.setxattr(mode, "trusted.mine", b"1")'
find . -mindepth 1 -depth -newermt @3000000 -exec touch -h -d @2500000 {} +
"""  # times are fixed: two daemons are compared


class Side:
    """One daemon: how `ctr` asks it, and where."""

    def __init__(self, ctr: Ctr) -> None:
        self.ctr = ctr
        self.snapshotter = ("--snapshotter", "overlayfs")

    def show(self, key: str, script: str) -> str:
        """Run a script in what a snapshot shows, mounted in namespaces of the script's own."""
        command = self.ctr("snapshots", *self.snapshotter, "mounts", "/mnt", key).decode().strip()
        return trees.in_mount(command, script)


@pytest.fixture
def empty(shared: OurContainerd) -> Iterator[OurContainerd]:
    """Ours, with nothing in it afterwards."""
    yield shared
    for image in shared.ctr("images", "ls", "-q").stdout.decode().split():
        shared.ctr("images", "rm", "--sync", image)
    for snapshotter in ("overlayfs", "native"):
        flags = ("snapshots", "--snapshotter", snapshotter)
        while keys := [line.split()[0] for line in shared.ctr(*flags, "ls").stdout.decode().splitlines()[1:]]:
            for key in keys:  # parents are refused as long as there are children
                shared.ctr(*flags, "rm", key, check=False)


@pytest.fixture(params=["sid", pytest.param("trixie", marks=pytest.mark.matrix)])
def sides(request: pytest.FixtureRequest, empty: OurContainerd, short_folder: Path) -> Iterator[tuple[Side, Side]]:
    """Ours, and the original containerd of one suite."""
    original = OriginalContainerd(request.param, short_folder / f"lay{secrets.token_hex(4)}")

    def theirs(*words: str, stdin: bytes | None = None) -> bytes:
        argv = original.ctr_argv(*words)
        done = subprocess.run(argv, capture_output=True, timeout=60, check=False, input=stdin)
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout

    def ours(*words: str, stdin: bytes | None = None) -> bytes:
        return empty.ctr(*words, suite=request.param, stdin=stdin).stdout

    try:
        yield Side(ours), Side(theirs)
    finally:
        original.stop()


def made(side: Side, name: str, snapshotter: str) -> str:
    """A snapshot with the changes on one with the base; what its tree is."""
    side.snapshotter = ("--snapshotter", snapshotter)
    side.ctr("snapshots", *side.snapshotter, "prepare", f"{name}-base-active")
    side.show(f"{name}-base-active", BASE)
    side.ctr("snapshots", *side.snapshotter, "commit", f"{name}-base", f"{name}-base-active")
    side.ctr("snapshots", *side.snapshotter, "prepare", f"{name}-changed", f"{name}-base")
    side.show(f"{name}-changed", CHANGES)
    return side.show(f"{name}-changed", trees.LISTING)


def layer(side: Side, key: str, media_type: str, *more: str) -> Layer:
    data = side.ctr("snapshots", *side.snapshotter, "diff", "--media-type", media_type, *more, key)
    return Layer(PLAINLY[media_type](data), data, media_type)


def applied(side: Side, name: str, layers: list[Layer], folder: Path) -> str:
    """The tree that a daemon makes of an image of these layers."""
    archive = layered.archive_of(folder / "image.tar", f"example.test/{name}:latest", layers)
    side.ctr("images", "import", "--local", *side.snapshotter, "-", stdin=archive.read_bytes())
    side.ctr("snapshots", *side.snapshotter, "prepare", f"{name}-look", layered.chain_ids(layers)[-1])
    try:
        return side.show(f"{name}-look", trees.LISTING)
    finally:
        side.ctr("snapshots", *side.snapshotter, "rm", f"{name}-look")


@pytest.mark.parametrize("snapshotter", ["overlayfs", pytest.param("native", marks=pytest.mark.matrix)])
def test_what_one_makes_the_other_applies(sides: tuple[Side, Side], snapshotter: str, tmp_path: Path) -> None:
    ours, theirs = sides
    # The original's copies of folders have the times of the copying.
    compared = partial(trees.comparable, folder_times=snapshotter != "native")
    expected = compared(made(ours, "o", snapshotter))
    assert compared(made(theirs, "t", snapshotter)) == expected
    for maker, name, user in ((ours, "o", theirs), (theirs, "t", ours)):
        layers = [layer(maker, f"{name}-base", f"{PLAIN}+gzip"), layer(maker, f"{name}-changed", PLAIN)]
        assert compared(applied(user, f"by-{name}", layers, tmp_path)) == expected
        assert compared(applied(maker, f"own-{name}", layers, tmp_path)) == expected


@pytest.mark.parametrize(
    "media_type",
    [f"{PLAIN}+zstd", *(pytest.param(name, marks=pytest.mark.matrix) for name in (PLAIN, f"{PLAIN}+gzip"))],
)
def test_every_media_type_is_made_and_read(empty: OurContainerd, media_type: str, tmp_path: Path) -> None:
    ours = Side(lambda *words, stdin=None: empty.ctr(*words, stdin=stdin).stdout)
    expected = made(ours, "m", "overlayfs")
    kept = layer(ours, "m-changed", media_type, "--keep", "--label", "own=1", "--ref", "my-ref")
    assert layer(ours, "m-changed", media_type) == kept
    told = next(line for line in ours.ctr("content", "ls").decode().splitlines() if line.startswith(kept.digest))
    assert "own=1" in told
    assert f"containerd.io/uncompressed={kept.diff_id}" in told
    assert trees.comparable(
        applied(ours, "m", [layer(ours, "m-base", media_type), kept], tmp_path)
    ) == trees.comparable(expected)
    ours.ctr("content", "rm", kept.digest)


def test_any_two_snapshots_are_compared(sides: tuple[Side, Side], tmp_path: Path) -> None:
    """Not only parent and child: each has something that the other lacks, and layers of different depth."""
    for side, name in zip(sides, "ot", strict=True):
        made(side, name, "overlayfs")
        side.ctr("snapshots", "prepare", f"{name}-other", f"{name}-base")
        side.show(f"{name}-other", "echo other >other; rm same; echo 3 >d/keep/f")
        data = side.ctr("snapshots", "diff", "--media-type", PLAIN, f"{name}-other", f"{name}-changed")
        whole = [layer(side, f"{name}-base", PLAIN), layer(side, f"{name}-other", PLAIN), Layer(data)]
        found = trees.comparable(applied(sides[0], f"any-{name}", whole, tmp_path))
        assert found == trees.comparable(side.show(f"{name}-changed", trees.LISTING))


def test_no_time_is_after_the_epoch_that_was_named(sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    found = []
    for side in sides:
        made(side, "e", "overlayfs")
        with tarfile.open(fileobj=io.BytesIO(layer(side, "e-changed", PLAIN).plain)) as archive:
            found.append({entry.name.strip("/"): int(entry.mtime) for entry in archive.getmembers()})
    ours, theirs = found
    both = {name for name in ours.keys() & theirs.keys() if ".wh." not in name}  # 1.7's whiteouts have another time
    assert len(both) > 20
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}
    assert max(ours.values()) == EPOCH


EPOCH = 1_800_000
ROT13, HEX = f"{PLAIN}+rot13", f"{PLAIN}+hex"
PROCESSORS = f"""
[stream_processors.rot13]
accepts = ["{ROT13}"]
returns = "{PLAIN}"
path = "tr"
args = ["A-Za-z", "N-ZA-Mn-za-m"]
[stream_processors.hex]
accepts = ["{HEX}"]
returns = "{PLAIN}+gzip"
path = "python3"
args = ["-c", "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))"]
[stream_processors.failing]
accepts = ["{PLAIN}+failing"]
returns = "{PLAIN}"
path = "sh"
args = ["-c", "echo no key for it >&2; exit 7"]
[stream_processors.hanging]
accepts = ["{PLAIN}+hanging"]
returns = "{PLAIN}"
path = "sh"
args = ["-c", "sleep 987654321"]
"""
ROTATED = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", b"NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm"
)


@pytest.fixture(scope="module")
def processing(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    daemon = configured(Path(tempfile.mkdtemp(prefix="pro", dir=short_folder)), PROCESSORS)
    try:
        yield daemon.start()
    finally:
        daemon.close()


# The daemon unpacks, or `ctr` asks for each layer to be applied.
@pytest.mark.parametrize(("suite", "how"), [("sid", []), ("sid", ["--local", "--sync-fs"]), ("trixie", ["--local"])])
def test_layers_go_through_the_programs_of_the_configuration(
    processing: OurContainerd, suite: str, how: list[str], tmp_path: Path
) -> None:
    peers.install(suite)
    busybox = layered.busybox_layer()
    one, two = layered.tar_of({"one": b"1\n"}), layered.tar_of({"two": b"2\n"})
    layers = [
        Layer(busybox.plain, busybox.plain.translate(ROTATED), ROT13),
        Layer(one, gzip.compress(one, mtime=0).hex().encode(), HEX),
        Layer(two),
    ]
    name = "example.test/processed:latest"
    archive = layered.archive_of(tmp_path / "image.tar", name, layers)
    processing.ctr("images", "import", *how, archive, suite=suite)
    done = processing.ctr("run", "--rm", name, "c", "cat", "/one", "/two", suite=suite)
    assert done.stdout == b"1\n2\n"
    processing.ctr("images", "rm", "--sync", name, suite=suite)


def test_a_program_that_fails_is_told_and_leaves_nothing(processing: OurContainerd, tmp_path: Path) -> None:
    for kind, sentence in (
        ("failing", "stream processor failing: exit status 7: no key for it"),
        ("unknown", "is no layer's (hint: none of the stream processors takes it: "),
    ):
        layer = Layer(layered.tar_of({"one": b"1\n"}), b"x", f"{PLAIN}+{kind}")
        archive = layered.archive_of(tmp_path / "image.tar", "example.test/bad:latest", [layer])
        refused = processing.ctr("images", "import", archive, check=False)
        assert refused.returncode == 1
        assert sentence in refused.stderr.decode()
    assert len(processing.ctr("snapshots", "ls").stdout.splitlines()) == 1


def test_a_program_ends_with_who_waited_for_it(processing: OurContainerd, tmp_path: Path) -> None:
    layer = Layer(layered.tar_of({"one": b"1\n"}), b"x", f"{PLAIN}+hanging")
    archive = layered.archive_of(tmp_path / "image.tar", "example.test/bad:latest", [layer])
    program = str(peers.PEERS_HOME / "sid/usr/bin/ctr")
    argv = [program, "--address", processing.address, "--namespace", processing.namespace, "images", "import"]
    caller = processing.sandbox.popen([*argv, str(archive)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_until(lambda: processes.mentioning("sleep 987654321"), "the program to run")
    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()
    wait_until(lambda: not processes.mentioning("sleep 987654321"), "the program to end")

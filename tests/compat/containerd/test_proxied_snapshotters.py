"""Snapshotters of other processes, as the originals' `ctr` (1.7 and 2.1) uses them: layers that one has by itself, and
the original containerd between one and us, on either side."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd, configured
from tests.support import docker, images, layered, peers, processes
from tests.support.engine import OurEngine
from tests.support.layered import Layer
from tests.support.registry import ADDRESS, Registry
from tests.support.snapshotter_plugin import Plugin, PluginProcess, wait_gone
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

BUSYBOX = "docker.io/library/busybox:latest"
FAR = ("--snapshotter", "far")
PROXY = '[proxy_plugins.far]\ntype = "snapshot"\naddress = "{address}"\n'
SOURCE = 'exports = {enable_remote_snapshot_annotations = "true"}\n'
ORIGINAL = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'


@dataclass
class Far:
    """Our containerd, and the process whose snapshotter it calls "far". It has the first two of three layers."""

    daemon: OurContainerd
    plugin: Plugin
    layers: list[Layer]


@pytest.fixture(scope="module")
def far(machine_unchanged: None, short_folder: Path) -> Iterator[Far]:
    folder = Path(tempfile.mkdtemp(prefix="far", dir=short_folder))
    layers = [layered.busybox_layer(), Layer(layered.tar_of({"one": b"1\n"})), Layer(layered.tar_of({"two": b"2\n"}))]
    had = {}
    for at, chain in enumerate(layered.chain_ids(layers)[:2]):
        (folder / f"{at}.tar").write_bytes(layers[at].plain)
        had[chain] = str(folder / f"{at}.tar")
    process = PluginProcess(Plugin(folder / "p", "far", layers=had))
    daemon = configured(folder / "c", PROXY.format(address=process.plugin.address) + SOURCE)
    try:
        yield Far(daemon.start(), process.plugin, layers)
    finally:
        daemon.close()
        process.kill()


@pytest.fixture
def registry(far: Far, short_folder: Path) -> Iterator[None]:
    with Registry(short_folder / "far-registry", ["nsenter", "-t", str(far.daemon.sandbox.pid), "-n", "--"]):
        yield


def test_layers_that_a_snapshotter_has_are_not_downloaded(far: Far, registry: None, tmp_path: Path) -> None:
    """2.1's `ctr` has the daemon pull; 1.7's fetches all of an image before it asks a snapshotter."""
    name = f"{ADDRESS}/layered:latest"
    archive = layered.archive_of(tmp_path / "layered.tar", name, far.layers)

    def ctr(*words: str) -> str:
        return far.daemon.ctr(*words).stdout.decode()

    ctr("images", "import", "--no-unpack", str(archive))
    ctr("images", "push", "--local", "--plain-http", name)
    ctr("images", "rm", "--sync", name)
    assert ctr("content", "ls", "-q") == ""
    (far.plugin.folder / "told").unlink(missing_ok=True)
    ctr("images", "pull", *FAR, "--plain-http", name)
    there = ctr("content", "ls", "-q").split()
    assert [layer.digest in there for layer in far.layers] == [False, False, True]
    assert ctr("run", "--rm", *FAR, name, "c", "cat", "/one", "/two") == "1\n2\n"
    told = [asked["labels"] for asked in far.plugin.told() if "/extract-" in asked["key"]]
    assert [labels["containerd.io/snapshot.ref"] for labels in told] == layered.chain_ids(far.layers)
    assert [labels["containerd.io/snapshot/cri.image-ref"] for labels in told] == [name] * 3
    assert told[1]["containerd.io/snapshot/cri.layer-digest"] == far.layers[1].digest
    assert told[1]["containerd.io/snapshot/cri.image-layers"].split(",") == [layer.digest for layer in far.layers[1:]]
    ctr("images", "rm", "--sync", name)
    assert len(ctr("snapshots", *FAR, "ls").splitlines()) == 1
    wait_gone(far.plugin.folder, "the snapshotter to be told")


def test_an_image_lives_and_dies_in_it(far: Far) -> None:
    ctr = far.daemon.ctr
    ctr("images", "import", *FAR, images.busybox())
    ctr("run", "-d", *FAR, BUSYBOX, "c", "sleep", "1000")
    ctr("task", "exec", "--exec-id", "e", "c", "dd", "if=/dev/zero", "of=/big", "bs=1k", "count=100")
    row = next(row.split() for row in ctr("snapshots", *FAR, "usage", "-b", "c").stdout.decode().splitlines()[1:])
    assert int(row[1]) >= 100 << 10
    ctr("snapshots", *FAR, "label", "c", "own=1", "containerd.io/snapshot/for-it=2")
    assert b'"own": "1"' in ctr("snapshots", *FAR, "info", "c").stdout
    kinds = sorted(line.split()[-1] for line in ctr("snapshots", *FAR, "ls").stdout.decode().splitlines()[1:])
    assert kinds == ["Active", "Committed"]
    plugin = next(row.split() for row in ctr("plugins", "ls").stdout.decode().splitlines() if " far " in row)
    assert (plugin[0], plugin[-1]) == ("io.containerd.snapshotter.v1", "ok")
    ctr("task", "kill", "-s", "KILL", "c")
    wait_until(lambda: b"STOPPED" in ctr("task", "ls").stdout, "the task to end")
    ctr("task", "rm", "c", check=False)
    ctr("container", "rm", "c")
    ctr("images", "rm", "--sync", BUSYBOX)
    wait_gone(far.plugin.folder, "the snapshotter to be told")


@pytest.mark.matrix
def test_docker_runs_on_it(machine_unchanged: None, short_folder: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="dfar", dir=short_folder))
    process = PluginProcess(Plugin(folder / "p", "far"))
    daemon = configured(folder / "c", PROXY.format(address=process.plugin.address))
    daemon.sandbox.close()
    engine = OurEngine(folder / "e", f"--containerd={daemon.address}", "--storage-driver=far")
    daemon.sandbox = engine.sandbox
    try:
        daemon.start()
        client = docker.theirs(engine.start().host)
        client("load", "-i", str(images.busybox()))
        assert client("info", "-f", "{{.Driver}}") == "far"
        client("run", "--name", "box", "--network=none", "busybox", "sh", "-c", "echo changed >/new; rm /etc/group")
        assert client("diff", "box").splitlines() == ["C /etc", "D /etc/group", "A /new"]
        client("rm", "box")
        client("rmi", "busybox")
        wait_gone(process.plugin.folder, "the snapshotter to be told")
    finally:
        engine.close()
        daemon.close()
        process.kill()


@pytest.fixture
def between(request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path) -> Iterator["Between"]:
    """Ours and the original containerd of one suite, and the process with the snapshotter, nothing called yet."""
    made = Between(request.param, Path(tempfile.mkdtemp(prefix="btw", dir=short_folder)))
    try:
        yield made
    finally:
        made.close()


class Between:
    def __init__(self, suite: str, folder: Path) -> None:
        self.suite, self.folder = suite, folder
        self.process = PluginProcess(Plugin(folder / "p", "far"))
        self.original: subprocess.Popen[bytes] | None = None
        self.address = f"{folder}/o.sock"
        self.ours = configured(folder / "c", "")

    def set_ours(self, address: str) -> None:
        """Ours, with "far" at this address. It starts in its own namespaces, where the original is, too."""
        (self.folder / "c/config.toml").write_text(PROXY.format(address=address))
        self.ours.start()

    def set_original(self, address: str) -> None:
        tree = peers.install(self.suite) / "usr/bin"
        (self.folder / "o.toml").write_text(ORIGINAL + PROXY.format(address=address))
        places = [f"--root={self.folder}/o-root", f"--state={self.folder}/o-state", f"--address={self.address}"]
        log = self.folder / "o.log"
        with open(log, "wb") as out:
            self.original = self.ours.sandbox.popen(
                [tree / "containerd", f"--config={self.folder}/o.toml", *places],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                env={"PATH": self.ours.path},  # our shim by name, with our runc
            )
        wait_until(lambda: "successfully booted" in log.read_text(), f"containerd of {self.suite}", 20)

    def ctr_of_original(self, *words: str) -> str:
        program = peers.PEERS_HOME / self.suite / "usr/bin/ctr"
        argv = [str(program), "--address", self.address, "--namespace", self.ours.namespace, *words]
        done = self.ours.sandbox.run(*argv, check=False)
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout

    def close(self) -> None:
        if self.original is not None:
            self.original.terminate()
            self.original.wait(20)
        mine = processes.mentioning(f"-address {self.address}")  # shims, if a test broke off
        processes.end([*mine, *(below for shim in mine for below in processes.descendants(shim.pid))])
        self.ours.close()
        self.process.kill()


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()[1:]]


@pytest.mark.parametrize("between", ["sid", pytest.param("trixie", marks=pytest.mark.matrix)], indirect=True)
def test_the_original_is_a_snapshotter_for_us(between: Between) -> None:
    """Its own store lies between: it demands our namespace, and has names and parents of its own."""
    between.set_original(between.process.plugin.address)
    between.set_ours(between.address)

    def ctr(*words: str) -> str:
        return between.ours.ctr(*words, suite=between.suite).stdout.decode()

    ctr("images", "import", *FAR, str(images.busybox()))
    assert ctr("run", "--rm", *FAR, BUSYBOX, "c", "echo", "hello") == "hello\n"
    ctr("run", "-d", *FAR, BUSYBOX, "d", "sleep", "1000")
    namespace = between.ours.namespace
    theirs = rows(between.ctr_of_original("snapshots", *FAR, "ls"))
    [base] = [row[0] for row in theirs if row[-1] == "Committed"]
    assert base.startswith(f"{namespace}/")
    assert "/sha256:" in base
    assert [row[1] for row in theirs if row[0].endswith("/d")] == [base]
    between.ours.ctr("task", "rm", "-f", "d", suite=between.suite, check=False)  # its status is the container's
    ctr("container", "rm", "d")
    ctr("images", "rm", "--sync", BUSYBOX)
    assert rows(ctr("snapshots", *FAR, "ls")) == []
    assert rows(between.ctr_of_original("snapshots", *FAR, "ls")) == []


@pytest.mark.parametrize("between", ["sid"], indirect=True)
def test_we_are_a_snapshotter_for_the_original(between: Between) -> None:
    """2.1 alone: 1.7 names no namespace to its snapshotters, and a containerd demands one. Neither names one when it
    collects, so that it could not remove anything here."""
    between.set_ours(between.process.plugin.address)
    between.set_original(between.ours.address)
    ctr = between.ctr_of_original
    ctr("images", "import", "--local", *FAR, str(images.busybox()))
    assert ctr("run", "--rm", *FAR, BUSYBOX, "c", "echo", "hello") == "hello\n"
    ours = rows(between.ours.ctr("snapshots", *FAR, "ls", suite=between.suite).stdout.decode())
    assert [row for row in ours if row[0].startswith(f"{between.ours.namespace}/") and row[-1] == "Committed"]

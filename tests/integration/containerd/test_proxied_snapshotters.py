"""A snapshotter of another process that is not there, dies, hangs, or was never one."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd, configured
from tests.support import images, peers
from tests.support.snapshotter_plugin import Plugin, PluginProcess, wait_gone
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

BUSYBOX = "docker.io/library/busybox:latest"
OTHER = "docker.io/library/other:1"
FAR = ("--snapshotter", "far")
CONFIGURATION = """
[proxy_plugins.far]
type = "snapshot"
address = "{address}"
[proxy_plugins.keeper]
type = "content"
address = "/nowhere.sock"
"""
CALLERS, IMPORTS = 40, 8  # each more than the threads that all other calls share, on a machine of two cores


@pytest.fixture
def folder(short_folder: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="px", dir=short_folder))


@pytest.fixture
def plugin(folder: Path) -> Plugin:
    return Plugin(folder / "p", "far")


@pytest.fixture
def daemon(machine_unchanged: None, sid: str, folder: Path, plugin: Plugin) -> Iterator[OurContainerd]:
    """Started before anybody serves at the address that it was told."""
    made = configured(folder / "c", CONFIGURATION.format(address=plugin.address))
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def process(daemon: OurContainerd, plugin: Plugin) -> Iterator[PluginProcess]:
    started = PluginProcess(plugin)
    yield started
    os.kill(started.process.pid, signal.SIGCONT)
    started.kill()


def test_one_that_is_not_there_is_missed_when_it_is_called(daemon: OurContainerd, plugin: Plugin) -> None:
    refused = daemon.ctr("images", "import", *FAR, images.busybox(), check=False)
    assert refused.returncode == 1
    assert f"snapshotter far: connect to {plugin.address}: [Errno 2] No such file" in refused.stderr.decode()
    assert "plugins of type 'content' are not served: only snapshotters are" in daemon.log_path.read_text()
    assert b"keeper" not in daemon.ctr("plugins", "ls").stdout
    unknown = daemon.ctr("snapshots", "--snapshotter", "other", "ls", check=False)
    assert "snapshotter not loaded: other" in unknown.stderr.decode()
    started = PluginProcess(plugin)
    try:
        daemon.ctr("images", "import", *FAR, images.busybox())
        daemon.ctr("images", "rm", "--sync", BUSYBOX)
        wait_gone(plugin.folder, "the snapshotter to be told")
    finally:
        started.kill()


def test_one_that_dies_and_comes_back_works_again(
    daemon: OurContainerd, process: PluginProcess, plugin: Plugin
) -> None:
    daemon.ctr("images", "import", *FAR, images.busybox())
    daemon.ctr("run", "-d", *FAR, BUSYBOX, "c", "sleep", "1000")
    process.kill()
    refused = daemon.ctr("run", "--rm", *FAR, BUSYBOX, "d", "true", check=False)
    assert f"snapshotter far: connect to {plugin.address}: " in refused.stderr.decode()
    daemon.ctr("images", "import", images.busybox())
    assert daemon.ctr("run", "--rm", BUSYBOX, "e", "echo", "ours").stdout == b"ours\n"
    daemon.ctr("task", "rm", "-f", "c", check=False)  # its status is the container's
    daemon.ctr("container", "rm", "c")  # what is to go there is remembered
    process.start()
    assert daemon.ctr("run", "--rm", *FAR, BUSYBOX, "f", "echo", "again").stdout == b"again\n"
    daemon.ctr("images", "rm", "--sync", BUSYBOX)
    wait_gone(plugin.folder, "the snapshotter to be told")


def test_one_that_hangs_delays_no_other(daemon: OurContainerd, process: PluginProcess) -> None:
    daemon.ctr("images", "import", images.busybox())
    daemon.ctr("images", "import", *FAR, images.busybox())
    os.kill(process.process.pid, signal.SIGSTOP)
    before = _threads(daemon)
    callers = [_begin(daemon, "snapshots", *FAR, "ls") for _ in range(CALLERS)]
    callers += [_begin(daemon, "images", "import", *FAR, str(images.busybox())) for _ in range(IMPORTS)]
    try:
        wait_until(lambda: _threads(daemon) > before + CALLERS // 2 + IMPORTS, "most of them to wait", 20)
        assert daemon.ctr("run", "--rm", BUSYBOX, "c", "echo", "ours").stdout == b"ours\n"
        daemon.ctr("images", "import", images.busybox())
        daemon.ctr("images", "tag", BUSYBOX, OTHER)
        daemon.ctr("images", "rm", "--sync", OTHER)
        assert [caller.poll() for caller in callers] == [None] * len(callers)
    finally:
        os.kill(process.process.pid, signal.SIGCONT)
    assert [caller.wait(20) for caller in callers] == [0] * len(callers)


@pytest.mark.matrix
def test_a_daemon_whose_snapshotter_hangs_can_be_stopped(daemon: OurContainerd, process: PluginProcess) -> None:
    daemon.ctr("images", "import", *FAR, images.busybox())
    os.kill(process.process.pid, signal.SIGSTOP)
    before = _threads(daemon)
    callers = [_begin(daemon, "snapshots", *FAR, "ls") for _ in range(CALLERS)]
    wait_until(lambda: _threads(daemon) > before + CALLERS // 2, "most of them to wait")
    assert daemon.stop() == 0
    assert 0 not in [caller.wait(20) for caller in callers]


@pytest.mark.matrix
def test_a_name_that_is_taken_is_one_sentence(machine_unchanged: None, folder: Path) -> None:
    daemon = configured(folder / "c", '[proxy_plugins.overlayfs]\ntype = "snapshot"\naddress = "/s"')
    try:
        done = subprocess.run(daemon.sandbox.command(*daemon.argv()), capture_output=True, text=True, timeout=20)
        assert done.returncode == 1
        sentence = "proxy_plugins.overlayfs: the name is that of a snapshotter of this daemon"
        assert done.stderr.splitlines()[-1] == f"containerd: {sentence}"
    finally:
        daemon.close()


def _begin(daemon: OurContainerd, *words: str) -> "subprocess.Popen[bytes]":
    """`ctr` on it, whose end nobody waits for yet."""
    program = str(peers.PEERS_HOME / "sid/usr/bin/ctr")
    argv = [program, "--address", daemon.address, "--namespace", daemon.namespace, *words]
    return daemon.sandbox.popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _threads(daemon: OurContainerd) -> int:
    """Each call to another process has one."""
    return len(os.listdir(f"/proc/{daemon.pid}/task"))

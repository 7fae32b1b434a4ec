"""The disk below bundles, or below what is spilled, is full: nothing is lost silently, shims live on, and all goes on
when there is room again."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import processes
from tests.support.waiting import SLOWNESS, wait_until

FOLDER = "io.containerd.runtime.v2.task"
NUMBERS = 300_000  # 2 MB
WRITES = f"until [ -e /tmp/go ]; do sleep 0.05; done; seq {NUMBERS}; exec sleep 1000"


class SmallDisk:
    """A tmpfs of 4 MiB over a folder of one containerd, in that one's mount namespace."""

    def __init__(self, daemon: OurContainerd, place: Path) -> None:
        self._daemon, self._place = daemon, place
        place.mkdir(parents=True)
        daemon.sandbox.run("mount", "-t", "tmpfs", "-o", "size=4m,mode=711", "tmpfs", place)

    def fill(self) -> None:
        inside = self._daemon.sandbox.run("sh", "-c", f"cat /dev/zero >{self._place}/.filler", check=False)
        assert "No space left" in inside.stderr

    def make_room(self) -> None:
        self._daemon.sandbox.run("rm", self._place / ".filler")


@pytest.fixture
def daemon(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="fd", dir=short_folder)))
    try:
        yield daemon
    finally:
        daemon.close()


def status_of(daemon: OurContainerd, task: str) -> list[str]:
    lines = daemon.ctr("task", "ls").stdout.decode().splitlines()[1:]
    return next((line.split()[1:] for line in lines if line.split()[0] == task), [])


def shims_of(daemon: OurContainerd, task: str) -> list[processes.Process]:
    return processes.mentioning(f"-namespace {daemon.namespace} -id {task} ")


def read_all(path: Path, size: int) -> bytes:
    """`size` bytes of a fifo."""
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    received = bytearray()

    def enough() -> bool:
        while True:
            try:
                data = os.read(reader, 1 << 16)
            except BlockingIOError:
                return len(received) >= size
            received.extend(data)
            if not data:
                return len(received) >= size

    try:
        wait_until(enough, "all of the output", 30)
    finally:
        os.close(reader)
    return bytes(received)


def test_output_waits_for_room_where_it_is_spilled(daemon: OurContainerd, root_folder: Path) -> None:
    """Nobody reads: the program is held up, the shim answers all else; with room it goes on, without a reader."""
    disk = SmallDisk(daemon, daemon.folder / "root" / FOLDER)
    daemon.start()
    fifos = daemon.folder / "fifos"
    daemon.ctr("run", "-d", "--fifo-dir", fifos, "--rootfs", root_folder, "c", "/bin/sh", "-c", WRITES)
    pid = int(status_of(daemon, "c")[0])
    disk.fill()
    (root_folder / "tmp/go").touch()
    [stdout] = fifos.glob("**/*-stdout")

    def writer() -> str:
        """What the kernel says of the program that writes: it sleeps in a pipe once it is held up."""
        found = [p for p in processes.descendants(pid) if p.command.startswith("seq")]
        return Path(f"/proc/{found[0].pid}/syscall").read_text() if found else ""

    wait_until(lambda: writer().startswith("1 "), "the program to be held up in write(2)")
    assert daemon.ctr("task", "exec", "--exec-id", "e", "c", "/bin/echo", "inside").stdout == b"inside\n"
    assert status_of(daemon, "c")[1] == "RUNNING"
    assert writer()
    disk.make_room()
    wait_until(lambda: not writer(), "the program to go on", 20)
    whole = b"".join(b"%d\n" % number for number in range(1, NUMBERS + 1))
    assert read_all(stdout, len(whole)) == whole
    (root_folder / "tmp/go").unlink()
    daemon.ctr("task", "rm", "-f", "c", check=False)
    daemon.ctr("container", "rm", "c")


def test_what_finds_no_room_says_so_and_leaves_nothing(daemon: OurContainerd, root_folder: Path) -> None:
    disk = SmallDisk(daemon, daemon.folder / "state" / FOLDER)
    daemon.start()
    daemon.ctr("run", "-d", "--null-io", "--rootfs", root_folder, "c", "/bin/sleep", "1000")
    before = status_of(daemon, "c")
    disk.fill()
    refused = daemon.ctr("run", "-d", "--null-io", "--rootfs", root_folder, "d", "/bin/sleep", "1000", check=False)
    assert refused.returncode != 0
    assert b"no space left on device" in refused.stderr.lower()
    assert b"Traceback" not in refused.stderr
    assert not status_of(daemon, "d")
    wait_until(lambda: not shims_of(daemon, "d"), "no shim to be left of it")
    refused = daemon.ctr("task", "exec", "--exec-id", "e", "c", "/bin/echo", "inside", check=False)
    assert b"no space left on device" in refused.stderr.lower()
    assert status_of(daemon, "c") == before
    disk.make_room()
    assert daemon.ctr("task", "exec", "--exec-id", "f", "c", "/bin/echo", "inside").stdout == b"inside\n"
    daemon.ctr("container", "rm", "d")
    daemon.ctr("run", "-d", "--null-io", "--rootfs", root_folder, "d", "/bin/sleep", "1000")
    for name in ("c", "d"):
        daemon.ctr("task", "rm", "-f", name, check=False)
        daemon.ctr("container", "rm", name)
    assert "Traceback" not in daemon.log_path.read_text()


@pytest.mark.matrix
def test_an_end_is_told_and_cleaned_up_while_the_disk_is_full(daemon: OurContainerd, root_folder: Path) -> None:
    """Also when containerd was dead meanwhile: events wait in memory."""
    disk = SmallDisk(daemon, daemon.folder / "state" / FOLDER)
    daemon.start()
    script = "until [ -e /tmp/go ]; do sleep 0.05; done; exit 42"
    daemon.ctr("run", "-d", "--null-io", "--rootfs", root_folder, "c", "/bin/sh", "-c", script)
    init = processes.read(int(status_of(daemon, "c")[0]))
    assert init is not None
    disk.fill()
    daemon.kill()
    (root_folder / "tmp/go").touch()
    wait_until(lambda: not init.is_alive(), "the container's end")
    (root_folder / "tmp/go").unlink()
    daemon.start()
    assert status_of(daemon, "c")[1] == "STOPPED"
    assert b"exit code 42" in daemon.ctr("task", "rm", "c", check=False).stderr
    daemon.ctr("container", "rm", "c")
    wait_until(lambda: not shims_of(daemon, "c"), "the shim's end", 5 * SLOWNESS)

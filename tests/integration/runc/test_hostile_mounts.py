"""Images and volumes that try to lead what the runtime mounts or makes out of the container."""

import errno
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.linux import resolve, signals
from slipway.linux.libc import libc_call
from slipway.runc.process import targets
from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine

# Few in an ordinary run; hundreds when somebody changes how targets are found.
ROUNDS = int(os.environ.get("SLIPWAY_RACE_ROUNDS", "4"))
AT_FDCWD = -100
RENAME_EXCHANGE = 2


@contextmanager
def exchanging(*pairs: tuple[Path, Path]) -> Iterator[None]:
    """Another process that swaps the names of each pair without rest; then they are as they were."""
    inodes = [first.lstat().st_ino for first, _ in pairs]
    pid = os.fork()
    if pid == 0:
        while True:
            for pair in pairs:
                exchange(*pair)
    try:
        yield
    finally:
        os.kill(pid, signals.NUMBERS["KILL"])
        os.waitpid(pid, 0)
        for inode, pair in zip(inodes, pairs, strict=True):
            if pair[0].lstat().st_ino != inode:
                exchange(*pair)


def exchange(first: Path, second: Path) -> None:
    libc_call("renameat2", AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE)


def everything(folder: Path) -> list[tuple[str, int, bytes]]:
    """What a folder holds, with modes and contents."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found.append((str(path.relative_to(folder)), path.lstat().st_mode, content))
    return found


@pytest.fixture
def victim(machine: Machine) -> Path:
    """A folder of the host with what a runtime could be led to remove, mask or mount on."""
    folder = machine.folder / "victim"
    for name in ("deep", "pts", "shm", "mqueue", "fs/cgroup", "self/attr"):
        (folder / name).mkdir(parents=True)
    for name in ("file", "ptmx", "null", "console", "core"):
        (folder / name).write_text(name)
    return folder


def add_mount(spec: dict[str, Any], destination: str, kind: str, source: Path | str, *options: str) -> None:
    spec["mounts"].append({"destination": destination, "type": kind, "source": str(source), "options": list(options)})


def race(
    machine: Machine, change: Callable[[dict[str, Any]], None], *args: str, rounds: int = ROUNDS
) -> list[tuple[int, str, str]]:
    """Run containers one after the other, each with the same bundle: (status, output, errors)."""
    bundle = machine.bundle(*args, change=change)
    results = []
    for number in range(rounds):
        done = machine.runc("run", "--bundle", str(bundle), f"c{number}")
        results.append((done.returncode, done.stdout, done.stderr))
    return results


def test_a_target_that_is_exchanged_with_a_link_stays_in_the_container(machine: Machine, victim: Path) -> None:
    """CVE-2021-30465, CVE-2024-45310: a shared volume below which the runtime makes directories, files and mounts."""
    volume = machine.folder / "volume"
    (volume / "target").mkdir(parents=True)
    (volume / "link").symlink_to(victim)
    (machine.folder / "data").write_text("data")
    before = everything(victim)

    def change(spec: dict[str, Any]) -> None:
        add_mount(spec, "/volume", "bind", volume, "rbind")
        add_mount(spec, "/volume/target/made/deep", "tmpfs", "none")
        add_mount(spec, "/volume/target/file", "bind", machine.folder / "data", "bind")
        add_mount(spec, "/volume/target/shared", "bind", volume, "rbind", "rshared")

    with exchanging((volume / "target", volume / "link")):
        results = race(machine, change, "cat", "/proc/self/mountinfo")
    assert everything(victim) == before
    assert all(status == 0 or "volume/target" in errors for status, _, errors in results), results
    ((status, _, errors),) = race(machine, change, "true", rounds=1)
    assert (status, errors) == (0, ""), "the bundle is no good even while nothing is exchanged"
    for _, output, errors in results:
        assert "internal error" not in errors
        points = [line.split()[4] for line in output.splitlines()]
        assert all("//deleted" not in point for point in points)
        # What the CVE was for: a folder of the host that is seen inside.
        assert not [line for line in output.splitlines() if line.split()[3].startswith(str(victim))]
    assert machine.groups() == []


def test_proc_is_never_mounted_through_a_link_that_comes_and_goes(machine: Machine, victim: Path) -> None:
    """CVE-2019-19921, CVE-2023-27561: `/proc` itself, or one below a shared volume."""
    volume = machine.folder / "volume"
    (volume / "proc").mkdir(parents=True)
    (volume / "link").symlink_to(victim)

    def change(spec: dict[str, Any]) -> None:
        add_mount(spec, "/volume", "bind", volume, "rbind")
        add_mount(spec, "/volume/proc", "proc", "proc")
        add_mount(spec, "/volume/proc/sys", "sysfs", "sysfs")

    before = everything(victim)
    with exchanging((volume / "proc", volume / "link")):
        results = race(machine, change, "true")
    assert everything(victim) == before
    for status, _, errors in results:
        assert status == 0 or "must be mounted on ordinary directory" in errors or "no such file" in errors, errors


def test_root_directories_that_are_exchanged_hold_no_mount_of_the_host(machine: Machine, victim: Path) -> None:
    """The image itself, shared by two containers, one of which exchanges /dev and /sys with links."""
    before = everything(victim)
    bundle = machine.bundle("true")
    rootfs = bundle / "rootfs"
    for name in ("dev", "sys"):
        (rootfs / name).mkdir()
        (rootfs / f"{name}-link").symlink_to(victim)
    with exchanging((rootfs / "dev", rootfs / "dev-link"), (rootfs / "sys", rootfs / "sys-link")):
        for number in range(ROUNDS):
            machine.runc("run", "--bundle", str(bundle), f"c{number}")
    assert everything(victim) == before
    assert machine.groups() == []


def test_a_console_that_comes_and_goes_shows_no_terminal_elsewhere(machine: Machine, victim: Path) -> None:
    """CVE-2025-52565: a shared volume as /dev, where the terminal is bound onto `console`."""
    volume = machine.folder / "volume"
    (volume / "pts").mkdir(parents=True)
    os.mknod(volume / "null", 0o020666, os.makedev(1, 3))
    (volume / "console").touch()
    (volume / "link").symlink_to(victim / "console")
    (volume / "pts-link").symlink_to(victim / "pts")

    def change(spec: dict[str, Any]) -> None:
        spec["process"]["terminal"] = True
        spec["mounts"] = [item for item in spec["mounts"] if not item["destination"].startswith("/dev")]
        add_mount(spec, "/dev", "bind", volume, "rbind")
        add_mount(spec, "/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")

    before = everything(victim)
    with exchanging((volume / "console", volume / "link"), (volume / "pts", volume / "pts-link")):
        results = race(machine, change, "grep", "console", "/proc/self/mountinfo")
    assert everything(victim) == before
    for _, output, errors in results:
        assert "internal error" not in errors
        assert {line.split()[4] for line in output.splitlines()} <= {"/dev/console", "/dev/link"}


def test_a_null_device_that_comes_and_goes_masks_with_nothing_else(machine: Machine, victim: Path) -> None:
    """CVE-2025-31133: a shared volume as /dev, whose `null` is bound over what is to be hidden."""
    volume = machine.folder / "volume"
    volume.mkdir()
    os.mknod(volume / "null", 0o020666, os.makedev(1, 3))
    (volume / "link").symlink_to(victim / "file")
    (volume / "file").write_text("file")

    def change(spec: dict[str, Any]) -> None:
        spec["mounts"] = [item for item in spec["mounts"] if not item["destination"].startswith("/dev")]
        add_mount(spec, "/dev", "bind", volume, "rbind")
        spec["linux"]["maskedPaths"] = ["/hidden"]

    before = everything(victim)
    bundle = machine.bundle("cat", "/hidden", change=change)
    (bundle / "rootfs/hidden").write_text("hidden")
    with exchanging((volume / "null", volume / "link"), (volume / "null", volume / "file")):
        for number in range(ROUNDS):
            done = machine.runc("run", "--bundle", str(bundle), f"c{number}")
            assert done.stdout == ""
            assert done.returncode == 0 or "/dev/null is invalid" in done.stderr, done.stderr
    assert everything(victim) == before
    assert machine.groups() == []


@pytest.mark.parametrize("name", ["dev", "dev/pts", "dev/shm", "dev/mqueue", "etc", "proc", "sys", "bin2", "run"])
@pytest.mark.parametrize("own_devices", [True, False], ids=["spec", "image"])
def test_links_of_an_image_lead_nothing_to_the_host(
    machine: Machine, victim: Path, name: str, own_devices: bool
) -> None:
    """CVE-2026-41579 and its kin: `ptmx` was removed and links were made where the image's /dev pointed."""

    def change(spec: dict[str, Any]) -> None:
        if not own_devices:
            spec["mounts"] = [item for item in spec["mounts"] if not item["destination"].startswith("/dev")]
        spec["process"]["cwd"] = "/bin2/made"
        spec["linux"]["maskedPaths"] += ["/etc/file", "/run"]
        add_mount(spec, "/etc/deep/mount", "tmpfs", "none")
        add_mount(spec, "/run/file", "bind", victim / "file", "bind", "ro")

    before = everything(victim)
    for target in (str(victim), "../../../../../../.." + str(victim))[: 1 + own_devices]:
        bundle = machine.bundle("true", change=change)
        link = bundle / "rootfs" / name
        link.parent.mkdir(exist_ok=True)
        if link.is_dir():
            link.rmdir()
        link.symlink_to(target)
        done = machine.runc("run", "--bundle", str(bundle), bundle.name)
        assert everything(victim) == before
        refused = ("must be mounted on ordinary directory", "container's /dev/null is invalid")
        assert done.returncode == 0 or any(words in done.stderr for words in refused), done.stderr
        assert "internal error" not in done.stderr


def fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
@pytest.mark.parametrize("name", ["null", "console", "pts/ptmx"])
def test_devices_of_an_image_that_are_something_else(machine: Machine, victim: Path, name: str, kind: str) -> None:
    """CVE-2025-31133, CVE-2025-52565: refused at once, and never opened."""

    def change(spec: dict[str, Any]) -> None:
        spec["process"]["terminal"] = True
        spec["mounts"] = [item for item in spec["mounts"] if not item["destination"].startswith("/dev")]

    bundle = machine.bundle("true", change=change)
    device = bundle / "rootfs/dev" / name
    device.parent.mkdir(parents=True)
    make = {"fifo": fifo, "link": lambda path: path.symlink_to(victim / "file"), "folder": Path.mkdir}
    make[kind](device)
    before = everything(victim)
    started = time.monotonic()
    done = machine.runc("run", "--bundle", str(bundle), "c1", timeout=20)
    assert done.returncode == 1
    assert time.monotonic() - started < 15
    assert everything(victim) == before
    assert "internal error" not in done.stderr


def test_a_console_of_an_image_that_is_a_fifo_is_covered_and_not_opened(machine: Machine) -> None:
    """With a devpts of its own, so that it comes to the console."""
    bundle = machine.bundle("sh", "-c", "[ -c /dev/console ] && echo a terminal", change=terminal_in_image)
    device = bundle / "rootfs/dev/console"
    device.parent.mkdir()
    (bundle / "rootfs/dev/pts").mkdir()
    os.mkfifo(device)
    status, said = with_terminal(machine, "run", "--bundle", str(bundle), "c1")
    assert (status, said.split()) == (0, ["a", "terminal"]), said
    assert device.is_fifo()


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_console_of_an_image_that_cannot_be_covered_is_refused(machine: Machine, victim: Path, kind: str) -> None:
    bundle = machine.bundle("true", change=terminal_in_image)
    device = bundle / "rootfs/dev/console"
    device.parent.mkdir()
    (bundle / "rootfs/dev/pts").mkdir()
    if kind == "link":
        device.symlink_to(victim / "console")
    else:
        device.mkdir()
    before = everything(victim)
    status, said = with_terminal(machine, "run", "--bundle", str(bundle), "c1")
    assert status == 1
    assert "console" in said
    assert "internal error" not in said
    assert everything(victim) == before


def terminal_in_image(spec: dict[str, Any]) -> None:
    """A terminal, and /dev of the image itself, with a devpts."""
    spec["process"]["terminal"] = True
    own = ("/dev", "/dev/shm", "/dev/mqueue")
    spec["mounts"] = [item for item in spec["mounts"] if item["destination"] not in own]


def with_terminal(machine: Machine, *words: str) -> tuple[int, str]:
    """runc in the foreground on a terminal: its status, and what was printed there."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [*PRIVATE_MOUNTS, *machine.runc_argv(*words)], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    said = b""
    with suppress(OSError):  # EIO: nobody has it open any more
        while data := os.read(master, 4096):
            said += data
    os.close(master)
    return process.wait(20), said.decode()


def test_a_proc_that_is_away_for_an_instant_is_not_mounted_through_a_link(
    machine: Machine, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2023-27561: between not finding it and making it, a link comes, which making would follow."""
    root = machine.folder / "image"
    (root / "elsewhere").mkdir(parents=True)
    real = resolve.open_in_root

    def away_at_first(root: int, path: str, flags: int = os.O_PATH, **options: int) -> int:
        monkeypatch.setattr(resolve, "open_in_root", real)
        raise FileNotFoundError(errno.ENOENT, "no such file or directory", path)

    (root / "proc").symlink_to("/elsewhere")
    monkeypatch.setattr(resolve, "open_in_root", away_at_first)
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    workspace: Any = SimpleNamespace(root=descriptor, rootfs=str(root))
    try:
        with pytest.raises(InvalidArgument, match="must be mounted on ordinary directory"):
            targets.open_plain_directory(workspace, "/proc", "proc")
    finally:
        os.close(descriptor)


def test_a_volume_over_proc_or_in_it_is_refused(machine: Machine) -> None:
    """CVE-2019-16884, CVE-2025-52881: what is written below /proc must reach a procfs."""
    (machine.folder / "fake").mkdir()
    for destination in (
        "/proc",
        "/proc/sys",
        "/proc/self/attr/exec",
        "/proc/sys/kernel/hostname",
        "/a/../proc/sys/net",
    ):

        def change(spec: dict[str, Any], destination: str = destination) -> None:
            add_mount(spec, destination, "bind", machine.folder / "fake", "bind")

        done = machine.run("true", change=change)
        assert done.returncode == 1
        assert "cannot be mounted because it is" in done.stderr


def test_a_sysctl_is_written_to_the_kernel_and_not_to_a_file_of_the_image(machine: Machine) -> None:
    """CVE-2019-16884: without a procfs of its own, what lies below the container's /proc is the image's."""

    def change(spec: dict[str, Any]) -> None:
        spec["mounts"] = [item for item in spec["mounts"] if item["destination"] != "/proc"]
        spec["linux"] |= {"sysctl": {"net.ipv4.ip_forward": "1"}, "maskedPaths": [], "readonlyPaths": []}

    bundle = machine.bundle("sleep", "100", change=change)
    fake = bundle / "rootfs/proc/sys/net/ipv4/ip_forward"
    fake.parent.mkdir(parents=True)
    fake.write_text("fake")
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    pid = str(machine.state("c1")["pid"])
    command = ["nsenter", "-t", pid, "-n", "cat", "/proc/sys/net/ipv4/ip_forward"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"
    assert fake.read_text() == "fake"

"""/etc/passwd of a container, where a container put something else."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.base.errors import InvalidArgument
from slipway.dockerd.containers.files.rootfs_files import LIMIT, read_rootfs_file


def large(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(LIMIT + 1)


NO_DRIVER = 99  # as device of the host: opening it would be ENXIO, which the kernel says only once it has tried
TRAPS: dict[str, Callable[[Path], None]] = {
    "a device": lambda path: os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(NO_DRIVER, NO_DRIVER)),
    "a disk": lambda path: os.mknod(path, stat.S_IFBLK | 0o644, os.makedev(NO_DRIVER, NO_DRIVER)),
    "a fifo": os.mkfifo,
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o644),
    "a folder": os.mkdir,
    "too large": large,
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_what_is_no_file_is_not_opened(tmp_path: Path, trap: Callable[[Path], None]) -> None:
    """CVE-2024-9676; a container may make any device there, and dockerd opened it for `exec -u name`."""
    upper, lower = tmp_path / "upper", tmp_path / "lower"
    for folder in (upper, lower):
        folder.mkdir()
    (lower / "passwd").write_text("root:x:0:0::/:\n")
    trap(upper / "passwd")
    with pytest.raises(InvalidArgument, match=r"not a regular file|more than"):
        read_rootfs_file([str(upper), str(lower)], "passwd")


def test_a_whiteout_hides_and_the_next_layer_answers(tmp_path: Path) -> None:
    upper, lower = tmp_path / "upper", tmp_path / "lower"
    for folder in (upper, lower):
        folder.mkdir()
    (lower / "passwd").write_text("root")
    assert read_rootfs_file([str(upper), str(lower)], "passwd") == b"root"
    os.mknod(upper / "passwd", stat.S_IFCHR)
    assert read_rootfs_file([str(upper), str(lower)], "passwd") == b""

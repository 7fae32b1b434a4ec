"""Writes a tar: entries made from files below directory descriptors, or from bytes; equal input, equal output."""

import os
import stat
from collections.abc import Callable
from typing import Final

from slipway.archive.regular_file import open_regular
from slipway.base.errors import Unavailable
from slipway.wire import tar
from slipway.wire.tar_encode import END, encode_header

_PIECE: Final = 1 << 18
_KINDS: Final = {
    stat.S_IFREG: tar.REGULAR,
    stat.S_IFDIR: tar.DIRECTORY,
    stat.S_IFLNK: tar.SYMBOLIC_LINK,
    stat.S_IFCHR: tar.CHARACTER_DEVICE,
    stat.S_IFBLK: tar.BLOCK_DEVICE,
    stat.S_IFIFO: tar.FIFO,
}
# What overlayfs and security modules keep for themselves is no part of an image.
_KEPT_XATTR: Final = "security.capability"
_USER_XATTR: Final = "user."
_OVERLAY_XATTR: Final = "user.overlay."


class TarWriter:
    """Entries in the order they are added. `write` takes every piece; `latest` (seconds) bounds the times."""

    def __init__(self, write: Callable[[bytes], object], *, latest: int | None = None) -> None:
        self._write = write
        self._latest = latest
        self._links: dict[tuple[int, int], bytes] = {}

    def add_bytes(self, name: bytes, data: bytes, *, mode: int = 0o644, mtime: int = 0) -> None:
        header = tar.Header(name)
        header.mode, header.size, header.mtime = mode, len(data), mtime
        self._write(encode_header(header) + data + bytes(tar.padding(len(data))))

    def add_directory(self, name: bytes, *, mode: int = 0o755, mtime: int = 0) -> None:
        header = tar.Header(name, tar.DIRECTORY)
        header.mode, header.mtime = mode, mtime
        self._write(encode_header(header))

    def begin_file(self, name: bytes, size: int, *, mode: int = 0o644, mtime: int = 0) -> int:
        """Write the header of a file whose `size` bytes the caller writes next; returns the padding to follow them."""
        header = tar.Header(name)
        header.mode, header.size, header.mtime = mode, size, mtime
        self._write(encode_header(header))
        return tar.padding(size)

    def add_whiteout(self, name: bytes) -> None:
        """An empty file that stands for a deletion; its time is the epoch, as containerd's is since 2.0."""
        self.add_bytes(name, b"", mode=0)

    def add(self, directory: int, name: bytes, path: bytes) -> None:
        """The entry `name` of `directory`, under `path`. A second name of a file becomes a link to the first.

        Sockets are left out. Raises OSError; Unavailable when a file shrinks, or is replaced, while it is read.
        """
        found = os.lstat(name, dir_fd=directory)
        kind = _KINDS.get(stat.S_IFMT(found.st_mode))
        if kind is None:
            return
        header = tar.Header(path, kind)
        header.mode, header.uid, header.gid = stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid
        header.mtime = self._bounded(found.st_mtime_ns)
        if kind != tar.DIRECTORY and found.st_nlink > 1:
            first = self._links.setdefault((found.st_dev, found.st_ino), path)
            if first != path:
                header.kind, header.link = tar.HARD_LINK, first
                self._write(encode_header(header))
                return
        header.xattrs = _xattrs(directory, name)
        if kind == tar.SYMBOLIC_LINK:
            header.link = os.readlink(name, dir_fd=directory)
        elif kind in (tar.CHARACTER_DEVICE, tar.BLOCK_DEVICE):
            header.major, header.minor = os.major(found.st_rdev), os.minor(found.st_rdev)
        if kind == tar.REGULAR:
            self._add_file(directory, name, header)
        else:
            self._write(encode_header(header))

    def has_other_name(self, found: os.stat_result, path: bytes) -> bool:
        """Of a file that stays as it is at `path`: whether a name of it has been added. If not, later ones link to
        `path`."""
        if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1:
            return False
        return self._links.setdefault((found.st_dev, found.st_ino), path) != path

    def end(self) -> None:
        self._write(END)

    def _add_file(self, directory: int, name: bytes, header: tar.Header) -> None:
        descriptor = open_regular(directory, name)
        try:
            left = header.size = os.fstat(descriptor).st_size
            self._write(encode_header(header))
            while left:
                piece = os.read(descriptor, min(left, _PIECE))
                if not piece:
                    raise Unavailable(f"archive {tar.shown(header.name)}: it shrank while it was read")
                self._write(piece)
                left -= len(piece)
        finally:
            os.close(descriptor)
        self._write(bytes(tar.padding(header.size)))

    def _bounded(self, nanoseconds: int) -> int:
        return nanoseconds if self._latest is None else min(nanoseconds, self._latest * tar.NANOSECONDS)


def _xattrs(directory: int, name: bytes) -> dict[bytes, bytes]:
    path = f"/proc/self/fd/{directory}/".encode() + name
    found = {}
    for attribute in os.listxattr(path, follow_symlinks=False):
        is_user = attribute.startswith(_USER_XATTR) and not attribute.startswith(_OVERLAY_XATTR)
        if attribute == _KEPT_XATTR or is_user:
            found[os.fsencode(attribute)] = os.getxattr(path, attribute, follow_symlinks=False)
    return found

"""Unpacks a tar onto a directory descriptor. No name of the archive ever becomes a path outside that directory.

Parents are resolved by the kernel inside the root (directories.py); the last part of a name is never followed. Hostile
archives get InvalidArgument, never a file elsewhere. Owner names are not looked up: numbers count.
"""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from slipway.archive.directories import Directories
from slipway.archive.overlay_marks import is_whiteout
from slipway.archive.remembered import Remembered
from slipway.archive.remove import remove_name
from slipway.archive.tar_reader import TarReader
from slipway.base.errors import InvalidArgument
from slipway.wire import tar

WHITEOUT: Final = b".wh."
OPAQUE: Final = b".wh..wh..opq"
_WHITEOUT_OTHER: Final = b".wh..wh."  # AUFS's own files, which name nothing in a layer
_ID_LIMIT: Final = (1 << 32) - 2  # the highest is "unchanged" to chown(2)
_TIME_LIMIT: Final = (1 << 63) - 1
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What a file system, or a process with few capabilities, may not be able to keep.
_UNKEPT_XATTR: Final = (errno.ENOTSUP, errno.EPERM)
# These steer overlayfs itself: a layer must not.
_OVERLAY_XATTRS: Final = (b"trusted.overlay.", b"user.overlay.")
_BLAME: Final = frozenset(
    (
        errno.EINVAL,
        errno.ENAMETOOLONG,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.EMLINK,
        errno.ENOENT,
        errno.EEXIST,
        errno.EFBIG,  # a sparse file as large as it says
        errno.E2BIG,  # an attribute's value, or its name
        errno.ERANGE,
    )
)


class Whiteouts(StrEnum):
    """What a layer's deletions become."""

    OVERLAY = "overlay"  # overlayfs's own marks, in an upper directory
    REMOVE = "remove"  # deletions, in a whole tree
    KEEP = "keep"  # ordinary files: the archive is no layer


@dataclass(slots=True)
class Extracted:
    """What was unpacked: bytes of content, entries, and the directories to mark opaque (paths below the root).

    The mark is an attribute that needs CAP_SYS_ADMIN, which unpacking does without: the caller sets it. `implied` are
    the directories that no entry told of, the upper ones first: they have the attributes of the layers below.
    """

    size: int = 0
    entries: int = 0
    opaque: list[bytes] = field(default_factory=list)
    implied: list[bytes] = field(default_factory=list)


class Extractor:
    """One archive into one tree, which nobody else changes meanwhile. A failure leaves what was unpacked so far."""

    def __init__(self, root: int, *, whiteouts: Whiteouts, lower: Sequence[int] = ()) -> None:
        self._root = root
        self._whiteouts = whiteouts
        self._directories = Directories(root, lower)
        self._result = Extracted()
        self._opaque_paths = Remembered("opaque directories")
        # Set at the end, as each file made in a directory changes its time.
        self._directory_times: dict[bytes, int] = {}
        # Names of this archive: an opaque mark hides only what was there before. Kept only where deletions are done.
        self._made: set[bytes] = set()

    def run(self, reader: TarReader) -> Extracted:
        """Unpack everything. Raises InvalidArgument for the archive's faults, OSError for the machine's."""
        try:
            for header in reader.entries():
                try:
                    self._entry(header, reader)
                except OSError as error:
                    if error.errno in _BLAME:
                        raise InvalidArgument(f"unpack {tar.shown(header.name)}: {error.strerror}") from error
                    raise
            self._set_directory_times()
            self._result.implied += self._directories.implied
            self._result.opaque += self._opaque_paths
        finally:
            self._directories.close()
        return self._result

    def _entry(self, header: tar.Header, reader: TarReader) -> None:
        self._directories.sweep()
        path = clean_name(header.name)
        if not path:
            return  # the root itself: as the original, its attributes are not the archive's to say
        parent_path, _, name = path.rpartition(b"/")
        self._result.entries += 1
        self._result.size += header.size
        if self._whiteouts is not Whiteouts.KEEP and name.startswith(WHITEOUT):
            self._whiteout(parent_path, name)
            return
        parent = self._directories.open(parent_path)
        self._make(header, reader, parent, name, path)
        if self._whiteouts is Whiteouts.REMOVE:
            self._made.add(path)

    def _make(self, header: tar.Header, reader: TarReader, parent: int, name: bytes, path: bytes) -> None:
        kind = header.kind
        if not 0 <= header.uid <= _ID_LIMIT or not 0 <= header.gid <= _ID_LIMIT:
            raise InvalidArgument(f"unpack {tar.shown(header.name)}: owner {header.uid}:{header.gid} is out of range")
        if kind == tar.REGULAR:
            self._make_file(header, reader, parent, name)
        elif kind == tar.DIRECTORY:
            self._make_directory(header, parent, name, path)
        elif kind == tar.HARD_LINK:
            self._make_link(header, parent, name)
        elif kind == tar.SYMBOLIC_LINK:
            if not header.link:
                raise InvalidArgument(f"unpack {tar.shown(header.name)}: a link to nothing")
            self._place(parent, name, lambda: os.symlink(header.link, name, dir_fd=parent))
            self._set_attributes(header, parent, name)
        elif kind in (tar.CHARACTER_DEVICE, tar.BLOCK_DEVICE, tar.FIFO):
            self._make_node(header, parent, name)
        else:
            raise InvalidArgument(f"unpack {tar.shown(header.name)}: entries of type {kind!a} are not known")

    def _make_file(self, header: tar.Header, reader: TarReader, parent: int, name: bytes) -> None:
        try:
            descriptor = os.open(name, _CREATE, 0o600, dir_fd=parent)
        except FileExistsError:
            self._remove(parent, name)
            descriptor = os.open(name, _CREATE, 0o600, dir_fd=parent)
        try:
            if header.segments is None:
                for piece in reader.data():
                    _write(descriptor, piece)
            else:
                _write_sparse(descriptor, header, reader)
            os.fchown(descriptor, header.uid, header.gid)
            if header.xattrs:
                _set_xattrs(descriptor, header)
            os.fchmod(descriptor, header.mode)  # after chown, which takes set-user-id away
            os.utime(descriptor, ns=_times(header.mtime))
        finally:
            os.close(descriptor)

    def _make_directory(self, header: tar.Header, parent: int, name: bytes, path: bytes) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            found = os.lstat(name, dir_fd=parent)
            if not stat.S_ISDIR(found.st_mode):
                self._remove(parent, name)
                os.mkdir(name, 0o700, dir_fd=parent)
                if is_whiteout(found):
                    self._opaque_paths.add(path)
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.fchown(descriptor, header.uid, header.gid)
            if header.xattrs:
                _set_xattrs(descriptor, header)
            os.fchmod(descriptor, header.mode)
        finally:
            os.close(descriptor)
        self._directory_times[path] = header.mtime
        self._directories.implied.discard(path)

    def _make_link(self, header: tar.Header, parent: int, name: bytes) -> None:
        """A second name for a file of the archive. The link itself is meant where the target is a symbolic one."""
        target_path, _, target = clean_name(header.link).rpartition(b"/")
        directory = self._directories.find(target_path)
        if not target or directory is None:
            raise InvalidArgument(f"unpack {tar.shown(header.name)}: its target {tar.shown(header.link)} is missing")
        found = os.lstat(target, dir_fd=directory)
        if stat.S_ISDIR(found.st_mode):
            raise InvalidArgument(f"unpack {tar.shown(header.name)}: a hard link to a directory")
        try:
            os.link(target, name, src_dir_fd=directory, dst_dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            there = os.lstat(name, dir_fd=parent)
            if (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino):
                return
            self._remove(parent, name)
            os.link(target, name, src_dir_fd=directory, dst_dir_fd=parent, follow_symlinks=False)

    def _make_node(self, header: tar.Header, parent: int, name: bytes) -> None:
        kind = {tar.CHARACTER_DEVICE: stat.S_IFCHR, tar.BLOCK_DEVICE: stat.S_IFBLK, tar.FIFO: stat.S_IFIFO}[header.kind]
        if not 0 <= header.major < 1 << 12 or not 0 <= header.minor < 1 << 20:
            raise InvalidArgument(f"unpack {tar.shown(header.name)}: device {header.major}:{header.minor} cannot be")
        device = 0 if header.kind == tar.FIFO else os.makedev(header.major, header.minor)
        self._place(parent, name, lambda: os.mknod(name, kind | 0o600, device, dir_fd=parent))
        self._set_attributes(header, parent, name)

    def _place(self, parent: int, name: bytes, make: Callable[[], None]) -> None:
        try:
            make()
        except FileExistsError:
            self._remove(parent, name)
            make()

    def _set_attributes(self, header: tar.Header, parent: int, name: bytes) -> None:
        """Of what cannot be opened: links and nodes."""
        os.chown(name, header.uid, header.gid, dir_fd=parent, follow_symlinks=False)
        if header.xattrs:
            _set_xattrs(f"/proc/self/fd/{parent}/".encode() + name, header)
        if header.kind != tar.SYMBOLIC_LINK:
            os.chmod(name, header.mode, dir_fd=parent)  # just made by us, and no link
        os.utime(name, ns=_times(header.mtime), dir_fd=parent, follow_symlinks=False)

    def _remove(self, parent: int, name: bytes) -> None:
        """Remove what is in the way; a directory or a link may have been a step of a path that is kept open."""
        if remove_name(parent, name):
            self._directories.forget()

    def _whiteout(self, parent_path: bytes, name: bytes) -> None:
        if name == OPAQUE:
            self._opaque(parent_path)
            return
        if name.startswith(_WHITEOUT_OTHER):
            return
        target = name.removeprefix(WHITEOUT)
        if target in (b"", b".", b".."):
            raise InvalidArgument(f"unpack {tar.shown(name)}: a deletion of nothing")
        if self._whiteouts is Whiteouts.OVERLAY:
            self._mark_deleted(parent_path, target)
        elif (parent := self._directories.find(parent_path)) is not None:
            path = parent_path + b"/" + target if parent_path else target
            try:
                if path not in self._made:  # a deletion means what was there before this archive
                    self._remove(parent, target)
            except FileNotFoundError:
                return

    def _mark_deleted(self, parent_path: bytes, target: bytes) -> None:
        """overlayfs's whiteout: a character device 0:0. What this archive made itself hides the lower one already."""
        parent = self._directories.open(parent_path)
        try:
            os.mknod(target, stat.S_IFCHR, 0, dir_fd=parent)
        except FileExistsError:
            if stat.S_ISDIR(os.lstat(target, dir_fd=parent).st_mode):
                self._opaque_paths.add(parent_path + b"/" + target if parent_path else target)

    def _opaque(self, path: bytes) -> None:
        if self._whiteouts is Whiteouts.OVERLAY:
            self._directories.open(path)
            self._opaque_paths.add(path)
            return
        directory = self._directories.find(path)
        if directory is not None:
            self._remove_old(path, directory)

    def _remove_old(self, path: bytes, directory: int) -> None:
        """Remove what an opaque directory hides: everything below it that this archive did not make."""
        prefix = path + b"/" if path else b""
        kept = {made[len(prefix) :].partition(b"/")[0] for made in self._made if made.startswith(prefix)}
        readable = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            for name in map(os.fsencode, os.listdir(readable)):
                if name not in kept:
                    remove_name(readable, name)
        finally:
            os.close(readable)
        self._directories.forget()

    def _set_directory_times(self) -> None:
        for path, mtime in reversed(self._directory_times.items()):
            parent_path, _, name = path.rpartition(b"/")
            parent = self._directories.find(parent_path)
            if parent is None:
                continue  # removed again by a later entry
            try:
                if stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                    os.utime(name, ns=_times(mtime), dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                continue


def clean_name(name: bytes) -> bytes:
    """A name as a path below the root: no leading slash, no `.`, and `..` taken back without leaving the root."""
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def _write(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def _write_sparse(descriptor: int, header: tar.Header, reader: TarReader) -> None:
    os.ftruncate(descriptor, header.real_size)
    segments = iter(header.segments or ())
    offset = left = 0
    for piece in reader.data():
        while piece:
            while not left:
                offset, left = next(segments)
            written = os.pwrite(descriptor, piece[:left], offset)
            offset, left, piece = offset + written, left - written, piece[written:]


def _set_xattrs(target: int | bytes, header: tar.Header) -> None:
    for name, value in header.xattrs.items():
        if name.startswith(_OVERLAY_XATTRS):
            continue
        try:
            os.setxattr(target, name, value, follow_symlinks=isinstance(target, int))
        except OSError as error:
            if error.errno not in _UNKEPT_XATTR:
                raise


def _times(mtime: int) -> tuple[int, int]:
    """Access and change time; what the kernel cannot keep becomes the epoch, as the original has it."""
    bounded = mtime if 0 <= mtime <= _TIME_LIMIT else 0
    return bounded, bounded

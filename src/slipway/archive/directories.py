"""Directories of a tree that is being unpacked: opened inside its root by the kernel, and kept open."""

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from slipway.archive.remembered import Remembered
from slipway.base.errors import InvalidArgument
from slipway.linux.resolve import make_directories, open_in_root
from slipway.wire.tar import shown

_KEPT: Final = 256
_OVERLAY_XATTRS: Final = ("trusted.overlay.", "user.overlay.")


class Directories:
    """Descriptors of directories below `root`, by the path an archive names them with.

    What is missing is made: with the attributes it has in `lower` (roots of the layers below, nearest first), else
    root's and 0755. Links on the way are followed inside the root. The cache is only right while nobody else changes
    the tree, and `forget` is called whenever a directory or a link is removed: a new name cannot change where a
    resolved path leads, a removed one can. A descriptor handed out is good until `sweep`.
    """

    def __init__(self, root: int, lower: Sequence[int] = ()) -> None:
        self._root = root
        self._lower = lower
        self._open: OrderedDict[bytes, int] = OrderedDict()
        self.implied = Remembered("directories that others are in")  # made because of them, in order
        self._forgotten: list[int] = []

    def open(self, path: bytes) -> int:
        """The directory `path` (without leading slash; empty for the root). The descriptor stays ours.

        Raises InvalidArgument where something that is no directory is in the way.
        """
        if not path:
            return self._root
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
            return known
        try:
            descriptor = self._resolve(path)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EEXIST):
                raise InvalidArgument(f"unpack {shown(path)}: {error.strerror}") from error
            raise
        self._open[path] = descriptor
        if len(self._open) > _KEPT:
            self._forgotten.append(self._open.popitem(last=False)[1])
        return descriptor

    def find(self, path: bytes) -> int | None:
        """As `open`, but nothing is made: None where it is missing."""
        if not path or path in self._open:
            return self.open(path)
        try:
            os.close(open_in_root(self._root, os.fsdecode(path), os.O_PATH | os.O_DIRECTORY))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
                return None
            raise
        return self.open(path)

    def forget(self) -> None:
        """Resolve anew from now on: something that a path may lead through was removed."""
        self._forgotten += self._open.values()
        self._open.clear()

    def sweep(self) -> None:
        """Close what is forgotten."""
        for descriptor in self._forgotten:
            os.close(descriptor)
        self._forgotten.clear()

    def close(self) -> None:
        self.forget()
        self.sweep()

    def _resolve(self, path: bytes) -> int:
        try:
            return open_in_root(self._root, os.fsdecode(path), os.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            pass
        for parent in reversed(self._missing_parents(path)):
            self.open(parent)
        return self._make(path)

    def _missing_parents(self, path: bytes) -> list[bytes]:
        """The nearest first. A name may have two thousand of them: each is made before the next, not inside it."""
        missing = []
        while (path := path.rpartition(b"/")[0]) and path not in self._open and self._is_missing(path):
            missing.append(path)
        return missing

    def _is_missing(self, path: bytes) -> bool:
        try:
            os.close(open_in_root(self._root, os.fsdecode(path), os.O_PATH | os.O_DIRECTORY))
        except FileNotFoundError:
            return True
        return False

    def _make(self, path: bytes) -> int:
        """Make `path`, its parents first, so that each gets its attributes from the layers below."""
        parent_path, _, name = path.rpartition(b"/")
        parent = self.open(parent_path)
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        except FileExistsError:
            # A dangling link: the directory is made where it points, inside the root.
            return make_directories(self._root, os.fsdecode(path))
        made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.fchown(made, os.geteuid(), os.getegid())  # a set-group-id directory above it gives it its own group
            os.fchmod(made, 0o755)  # whatever the umask took
            _adopt(made, path, self._lower)
        finally:
            os.close(made)
        self.implied.add(path)
        return os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def adopt_attributes(root: int, lower: Sequence[int], paths: Iterable[str]) -> None:
    """Give directories below `root` the attributes that they have in `lower`, as if that had been known at once.

    Paths are an archive's: they are resolved inside the root, and what is no directory any more is passed over.
    """
    for path in paths:
        try:
            made = open_in_root(root, path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                continue
            raise
        try:
            _adopt(made, os.fsencode(path), lower)
        finally:
            os.close(made)


def _adopt(made: int, path: bytes, lower: Sequence[int]) -> None:
    """The attributes of `path` in the nearest layer that has it; none of what is no directory there."""
    for layer in lower:
        if (model := _open_below(layer, path)) is None:
            continue
        try:
            if stat.S_ISDIR(os.fstat(model).st_mode):
                _copy(model, made)
        finally:
            os.close(model)
        return


def _open_below(layer: int, path: bytes) -> int | None:
    """What a lower layer has at `path`, without following a link at its end."""
    try:
        return open_in_root(layer, os.fsdecode(path), os.O_PATH | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def _copy(model: int, made: int) -> None:
    found = os.fstat(model)
    os.fchown(made, found.st_uid, found.st_gid)
    os.fchmod(made, stat.S_IMODE(found.st_mode))
    readable = f"/proc/self/fd/{model}"  # an O_PATH descriptor has no xattr calls of its own
    for attribute in os.listxattr(readable):
        if not attribute.startswith(_OVERLAY_XATTRS):
            os.setxattr(made, attribute, os.getxattr(readable, attribute))
    os.utime(made, ns=(found.st_atime_ns, found.st_mtime_ns))

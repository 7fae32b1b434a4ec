"""Copying a directory's contents by descriptor: owners, modes, times, extended attributes, links, holes.

Nothing of the source is followed: a link is copied as a link, and a name that changes under us is refused.
"""

import errno
import os
import stat

from slipway.linux.libc import os_error

_CHUNK = 1 << 22
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOATIME
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL)


def copy_contents(source: int, target: int) -> None:
    """Everything below the directory `source` into the directory `target` (O_PATH will do for both).

    Raises OSError that names the file below the source.
    """
    readable = os.open(f"/proc/self/fd/{source}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _Copy().directory(readable, target, "")
        _copy_attributes(f"/proc/self/fd/{readable}", f"/proc/self/fd/{target}", follow=True)
    finally:
        os.close(readable)


class _Copy:
    """`links`: (device, inode) of files with several names -> the path of the copy below `top`."""

    __slots__ = ("links", "top")

    def __init__(self) -> None:
        self.links: dict[tuple[int, int], str] = {}
        self.top = -1

    def directory(self, source: int, target: int, where: str) -> None:
        if self.top < 0:
            self.top = target
        for name in os.listdir(source):
            path = f"{where}/{name}" if where else name
            try:
                self._entry(source, target, name, path)
            except OSError as error:
                if error.filename == path:
                    raise
                raise os_error(error.errno or errno.EIO, path) from None

    def _entry(self, source: int, target: int, name: str, path: str) -> None:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            known = self.links.setdefault((status.st_dev, status.st_ino), path)
            if known != path:
                os.link(known, name, src_dir_fd=self.top, dst_dir_fd=target, follow_symlinks=False)
                return
        if stat.S_ISDIR(status.st_mode):
            self._subdirectory(source, target, name, path)
        elif stat.S_ISREG(status.st_mode):
            _copy_file(source, target, name, status)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        else:
            os.mknod(name, status.st_mode, status.st_rdev, dir_fd=target)
        _finish(source, target, name, status)

    def _subdirectory(self, source: int, target: int, name: str, path: str) -> None:
        os.mkdir(name, 0o700, dir_fd=target)
        inner_source = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        try:
            inner_target = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=target)
            try:
                self.directory(inner_source, inner_target, path)
            finally:
                os.close(inner_target)
        finally:
            os.close(inner_source)


def _copy_file(source: int, target: int, name: str, status: os.stat_result) -> None:
    origin = _open_file(source, name)
    try:
        now = os.fstat(origin)
        if (now.st_dev, now.st_ino) != (status.st_dev, status.st_ino):
            raise os_error(errno.ESTALE, name)
        copy = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            _copy_data(origin, copy, now.st_size)
        finally:
            os.close(copy)
    finally:
        os.close(origin)


def _open_file(source: int, name: str) -> int:
    try:
        return os.open(name, _OPEN, dir_fd=source)
    except PermissionError:  # O_NOATIME is for the owner
        return os.open(name, _OPEN & ~os.O_NOATIME, dir_fd=source)


def _copy_data(origin: int, copy: int, size: int) -> None:
    """Only what is written: holes stay holes (lseek(2), SEEK_DATA)."""
    os.ftruncate(copy, size)
    offset = 0
    while offset < size:
        try:
            offset = os.lseek(origin, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            raise
        end = os.lseek(origin, offset, os.SEEK_HOLE)
        os.lseek(copy, offset, os.SEEK_SET)
        while offset < end:
            sent = os.sendfile(copy, origin, offset, min(_CHUNK, end - offset))
            if sent == 0:
                return  # it was cut meanwhile
            offset += sent


def _finish(source: int, target: int, name: str, status: os.stat_result) -> None:
    """The owner first, as a change of it takes set-user-id bits and capabilities away; times last."""
    os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=target)
    _copy_attributes(f"/proc/self/fd/{source}/{name}", f"/proc/self/fd/{target}/{name}", follow=False)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=target, follow_symlinks=False)


def _copy_attributes(source: str, target: str, *, follow: bool) -> None:
    """Extended attributes (file capabilities, access lists); those that the target cannot hold are left out."""
    try:
        names = os.listxattr(source, follow_symlinks=follow)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return
        raise
    for name in names:
        try:
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=follow), follow_symlinks=follow)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise

"""Copies a tree with all that makes it: owners, modes, times, attributes, links, holes where the file system shares."""

import errno
import os
import stat

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_COPY = 1 << 30
_NO_OFFLOAD = (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

_Links = dict[tuple[int, int], str]


def copy_tree(source: str, target: str) -> None:
    """Copy what is in the directory `source`, and its own attributes, into the directory `target`, which is empty.

    Both must be out of reach of anybody else meanwhile. Sockets are left out. A failure leaves a part. Raises OSError.
    """
    links: _Links = {}
    waiting = [(source, target)]
    finished = []
    while waiting:
        here, there = waiting.pop()
        finished.append((here, there))
        with os.scandir(here) as entries:
            for entry in entries:
                place = f"{there}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    os.mkdir(place, 0o700)
                    waiting.append((entry.path, place))
                else:
                    _copy_entry(entry.path, entry.stat(follow_symlinks=False), place, links)
    for here, there in reversed(finished):
        _copy_attributes(here, os.lstat(here), there)


def _copy_entry(source: str, found: os.stat_result, target: str, links: _Links) -> None:
    if stat.S_ISSOCK(found.st_mode):
        return
    if found.st_nlink > 1:
        first = links.setdefault((found.st_dev, found.st_ino), target)
        if first != target:
            os.link(first, target, follow_symlinks=False)
            return
    if stat.S_ISREG(found.st_mode):
        _copy_file(source, target, found.st_size)
    elif stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(source), target)
    else:
        os.mknod(target, found.st_mode, found.st_rdev)
    _copy_attributes(source, found, target)


def _copy_file(source: str, target: str, size: int) -> None:
    reader = os.open(source, _READ)
    try:
        writer = os.open(target, _CREATE, 0o600)
        try:
            while size > 0 and (copied := _copy_piece(reader, writer)):
                size -= copied
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _copy_piece(reader: int, writer: int) -> int:
    """By reference where the file system can (copy_file_range(2)), by sendfile(2) where not."""
    try:
        return os.copy_file_range(reader, writer, _COPY)
    except OSError as error:
        if error.errno not in _NO_OFFLOAD:
            raise
        return os.sendfile(writer, reader, None, _COPY)


def _copy_attributes(source: str, found: os.stat_result, target: str) -> None:
    os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    for name in os.listxattr(source, follow_symlinks=False):
        os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        os.chmod(target, stat.S_IMODE(found.st_mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)

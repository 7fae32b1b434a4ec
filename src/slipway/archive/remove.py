"""Removes trees below a directory descriptor, without following links, without recursion, in linear time.

Who wrote the tree may still write in it. So nothing here goes up by `..`, which leads wherever a directory has been
moved to meanwhile: what is not empty is moved into the topmost directory, under names of ours, and removed from there.
"""

import errno
import os
import stat

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 10  # somebody may write while we remove
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)  # rmdir(2): file systems choose


def remove_name(directory: int, name: bytes) -> bool:
    """Remove `name` in `directory`, with all that is below it; returns whether it could have been a step of a path
    (a directory or a link). Raises FileNotFoundError, and OSError: EBUSY for a mount point, whose contents stay. A
    failure leaves a rest, in which directories may have other names.
    """
    mode = os.lstat(name, dir_fd=directory).st_mode
    if not stat.S_ISDIR(mode):
        os.unlink(name, dir_fd=directory)
        return stat.S_ISLNK(mode)
    top = os.open(name, _FLAGS, dir_fd=directory)
    try:
        for _ in range(_TRIES):
            _empty(top)
            if _is_removed(directory, name):
                return True
    finally:
        os.close(top)
    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), os.fsdecode(name))


def _empty(top: int) -> None:
    """Two descriptors are open at most, and names are numbers: neither depth nor width costs memory."""
    aside = b".removing-%s-" % os.urandom(8).hex().encode()
    waiting = _take_apart(top, top, aside, 0)
    while waiting:
        name = aside + b"%d" % (waiting - 1)
        try:
            os.rmdir(name, dir_fd=top)
            waiting -= 1
        except FileNotFoundError:  # moved by somebody else: it is his
            waiting -= 1
        except NotADirectoryError:
            os.unlink(name, dir_fd=top)
            waiting -= 1
        except OSError as error:
            if error.errno not in _NOT_EMPTY:
                raise
            waiting = _take_apart_below(top, name, aside, waiting)


def _take_apart_below(top: int, name: bytes, aside: bytes, waiting: int) -> int:
    try:
        directory = os.open(name, _FLAGS, dir_fd=top)
    except (FileNotFoundError, NotADirectoryError):
        return waiting  # the next turn sees what has become of it
    try:
        return _take_apart(directory, top, aside, waiting)
    finally:
        os.close(directory)


def _take_apart(directory: int, top: int, aside: bytes, waiting: int) -> int:
    """Remove what can be removed at once, and move the rest to `top`; returns how many names are taken there."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if directory == top and os.fsencode(entry.name).startswith(aside):
                continue
            try:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.name, dir_fd=directory)
                elif not _is_removed(directory, entry.name):
                    os.rename(entry.name, aside + b"%d" % waiting, src_dir_fd=directory, dst_dir_fd=top)
                    waiting += 1
            except FileNotFoundError:
                continue  # somebody else was faster
    return waiting


def _is_removed(directory: int, name: str | bytes) -> bool:
    try:
        os.rmdir(name, dir_fd=directory)
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise
        return False
    return True

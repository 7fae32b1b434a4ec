"""Removes trees below a directory descriptor, without following links and without recursion."""

import os
import stat


def remove_name(directory: int, name: bytes) -> bool:
    """Remove `name` in `directory`, with all that is below it; returns whether it could have been a step of a path
    (a directory or a link). Raises FileNotFoundError.
    """
    mode = os.lstat(name, dir_fd=directory).st_mode
    if not stat.S_ISDIR(mode):
        os.unlink(name, dir_fd=directory)
        return stat.S_ISLNK(mode)
    _remove_tree(directory, name)
    return True


def _remove_tree(directory: int, name: bytes) -> None:
    """Depth first, going up by `..`: at most two descriptors are open, however deep the tree is."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = os.open(name, flags, dir_fd=directory)
    path = [name]
    try:
        while True:
            below = _remove_files(here)
            if below is not None:
                path.append(below)
                here = _step(here, below, flags)
                continue
            if len(path) == 1:
                break
            here = _step(here, b"..", flags)
            os.rmdir(path.pop(), dir_fd=here)
    finally:
        os.close(here)
    os.rmdir(name, dir_fd=directory)


def _remove_files(directory: int) -> bytes | None:
    """Unlink all that is no directory; returns the name of a directory that is left, or None."""
    found = None
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found = os.fsencode(entry.name)
            else:
                os.unlink(entry.name, dir_fd=directory)
    return found


def _step(here: int, name: bytes, flags: int) -> int:
    following = os.open(name, flags, dir_fd=here)
    os.close(here)
    return following

"""Becoming the user that the specification names, by number."""

import errno
import os
import stat

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import User
from slipway.linux import prctl

_NULL = os.makedev(1, 3)


def drop_groups() -> None:
    """The caller's supplementary groups, before a user namespace that may let nobody change them is entered."""
    try:
        os.setgroups([])
    except PermissionError:
        return  # of an ordinary user, who has no more groups inside than outside


def become_its_root() -> None:
    """In a user namespace that this process has just entered: what it makes is else nobody's there."""
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def become(user: User, own_proc: int, *, as_user: bool) -> None:
    """Groups, then group, then user; capabilities are kept for the moment and must be limited next.

    `own_proc` is this process's folder in the host's /proc. `as_user`: the caller of runc is no root. Raises
    InvalidArgument for a number that the user namespace does not map.
    """
    _hand_over_stdio(user.uid)
    prctl.set_keep_capabilities(True)
    if not _groups_are_denied(own_proc):
        os.setgroups(user.additional_gids)
    elif user.additional_gids and as_user:  # others ask for those of an image: the original ignores them, too
        raise InvalidArgument("cannot set any additional groups in a rootless container")
    try:
        os.setresgid(user.gid, user.gid, user.gid)
    except OSError as error:
        raise _unmapped(error, "gid", user.gid) from None
    try:
        os.setresuid(user.uid, user.uid, user.uid)
    except OSError as error:
        raise _unmapped(error, "uid", user.uid) from None
    prctl.set_keep_capabilities(False)


def _unmapped(error: OSError, kind: str, number: int) -> Exception:
    if error.errno == errno.EINVAL:
        return InvalidArgument(f"unable to setup user: cannot set{kind} to unmapped {kind} {number} in user namespace")
    return OSError(error.errno, error.strerror, f"unable to setup user: set{kind}")


def _groups_are_denied(own_proc: int) -> bool:
    """In a user namespace of an ordinary user nobody may change groups (user_namespaces(7))."""
    try:
        file = os.open("setgroups", os.O_RDONLY | os.O_CLOEXEC, dir_fd=own_proc)
    except FileNotFoundError:
        return False
    try:
        return os.read(file, 16).strip() == b"deny"
    finally:
        os.close(file)


def _hand_over_stdio(uid: int) -> None:
    """So that the user may open /dev/stdout again. /dev/null belongs to all; what refuses keeps its owner."""
    for descriptor in (0, 1, 2):
        try:
            status = os.fstat(descriptor)
            if status.st_uid != uid and not (stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL):
                os.fchown(descriptor, uid, status.st_gid)
        except OSError:
            continue

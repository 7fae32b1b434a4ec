"""Becoming the user that the specification names, by number."""

import os
import stat

from slipway.contracts.oci.runtime import User
from slipway.linux import prctl

_NULL = os.makedev(1, 3)


def become(user: User) -> None:
    """Groups, then group, then user; capabilities are kept for the moment and must be limited next."""
    _hand_over_stdio(user.uid)
    prctl.set_keep_capabilities(True)
    os.setgroups(user.additional_gids)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    prctl.set_keep_capabilities(False)


def _hand_over_stdio(uid: int) -> None:
    """So that the user may open /dev/stdout again. /dev/null belongs to all; what refuses keeps its owner."""
    for descriptor in (0, 1, 2):
        try:
            status = os.fstat(descriptor)
            if status.st_uid != uid and not (stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL):
                os.fchown(descriptor, uid, status.st_gid)
        except OSError:
            continue

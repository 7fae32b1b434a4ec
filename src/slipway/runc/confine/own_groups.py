"""Control groups of somebody who may not make any, but perhaps below one that was delegated to them.

Source: cgroups(7), "Cgroups delegation": who moves a process must be able to write to the cgroup.procs of the new
group, and with v2 also to that of the nearest group above both the old and the new.
"""

import errno
import os

from slipway.linux import cgroups
from slipway.runc.confine.cgroups import make_group

# EROFS: a container that is shown its groups for reading alone.
_DENIALS = (errno.EACCES, errno.EPERM, errno.EROFS)


def make_own_groups(
    groups: dict[str, str], points: dict[str, str], own: dict[str, str]
) -> "tuple[dict[str, str], OSError | None]":
    """(those that could be made and joined, why the first of the others could not). `own`: the groups that we are in.

    A crash leaves empty groups, which `delete` removes. Raises OSError for what is no matter of permission.
    """
    kept = {}
    denied = None
    for controller, group in groups.items():
        is_new = not os.path.isdir(group)
        try:
            make_group(controller, group, points[controller])
            _check_joinable(controller, group, f"{points[controller]}{own.get(controller, '/')}")
        except OSError as error:
            if error.errno not in _DENIALS:
                raise
            denied = denied or error
            if is_new:
                _remove_if_empty(group)
            continue
        kept[controller] = group
    return kept, denied


def _check_joinable(controller: str, group: str, own: str) -> None:
    """Raises PermissionError when the kernel would not let this process in."""
    doors = [f"{group}/cgroup.procs"]
    if controller in (cgroups.UNIFIED, cgroups.HYBRID):
        doors.append(f"{os.path.commonpath((group, own))}/cgroup.procs")
    else:
        doors.append(f"{group}/tasks")
    for path in doors:
        if not os.access(path, os.W_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _remove_if_empty(group: str) -> None:
    try:
        os.rmdir(group)
    except OSError:
        return  # never made; or somebody is in it already

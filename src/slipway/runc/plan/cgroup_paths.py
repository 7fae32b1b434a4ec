"""Where a container's cgroups are, given its `cgroupsPath` and the machine's hierarchies. Pure."""

import posixpath

from slipway.base.errors import InvalidArgument
from slipway.linux.cgroup_names import UNIFIED


def plan_cgroups(cgroups_path: str, container: str, points: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """Controller -> directory.

    `points`: controller -> mount point; `own`: controller -> our own group. An absolute path counts from each
    hierarchy's root; a relative one, or none (then the container's id), from the group that we are in. On v2 it
    counts from the group above ours, as a group that holds processes cannot limit groups below it.
    Raises InvalidArgument for a path that climbs.
    """
    path = cgroups_path or container
    if ".." in path.split("/"):
        raise InvalidArgument(f"cgroupsPath {cgroups_path!r} must not contain ..")
    groups = {}
    for controller, point in points.items():
        group = "/" if path.startswith("/") else own.get(controller, "/")
        if controller == UNIFIED:
            group = posixpath.dirname(group)
        groups[controller] = posixpath.normpath(f"{point}/{group}/{path}")
    return groups


def check_not_root(groups: dict[str, str], points: dict[str, str]) -> None:
    """A container's limits must never fall on the whole machine."""
    for controller, group in groups.items():
        if group == posixpath.normpath(points[controller]):
            raise InvalidArgument(f"cgroupsPath points to the root of the {controller or 'unified'} hierarchy")

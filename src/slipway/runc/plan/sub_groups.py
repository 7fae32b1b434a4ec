"""`exec --cgroup`: groups below a container's own. Pure."""

import posixpath

from slipway.base.errors import InvalidArgument
from slipway.linux.cgroup_names import UNIFIED


def paths_from_arguments(arguments: list[str]) -> dict[str, str]:
    """Controller -> path, from `PATH` (for all, under "") or `CONTROLLER[,CONTROLLER]:PATH`. Raises InvalidArgument."""
    paths: dict[str, str] = {}
    for argument in arguments:
        controllers, separator, path = argument.partition(":")
        if not separator:
            if len(arguments) != 1:
                raise InvalidArgument(f"invalid --cgroup argument: {argument} (missing <controller>: prefix)")
            return {UNIFIED: argument}
        for controller in controllers.split(","):
            if not controller:
                raise InvalidArgument(f"invalid --cgroup argument: {argument} (empty <controller> prefix)")
            if controller in paths:
                raise InvalidArgument(f"invalid --cgroup argument(s): controller {controller} specified multiple times")
            paths[controller] = path
    return paths


def plan_sub_groups(groups: dict[str, str], paths: dict[str, str]) -> dict[str, str]:
    """The groups of a process that is put below the container's. They must be there; that is for the kernel to say.

    Raises InvalidArgument for a path that leaves the container's group, and for a controller that it has not.
    """
    if UNIFIED in paths:
        return {controller: _below(group, paths[UNIFIED]) for controller, group in groups.items()}
    chosen = dict(groups)
    for controller, path in paths.items():
        if controller not in groups:
            raise InvalidArgument(
                f"unable to create new parent process: unknown controller {controller} in SubCgroupPaths"
            )
        chosen[controller] = _below(groups[controller], path)
    return chosen


def _below(group: str, path: str) -> str:
    result = posixpath.normpath(f"{group}/{path}")
    if result != group and not result.startswith(f"{group}/"):
        raise InvalidArgument(f"unable to create new parent process: {path} is not a sub cgroup path")
    return result

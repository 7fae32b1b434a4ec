"""Where systemd keeps a container: its unit, and the unit's place among the control groups. Pure."""

import posixpath

from slipway.base.errors import InvalidArgument
from slipway.linux.cgroup_names import UNIFIED

_SUFFIX = ".slice"
# What systemd takes in a unit's name (systemd.unit(5)); everything else it wants escaped.
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")
_LONGEST = 255


class UnitPlace:
    """`unit` is the scope's name, `slice` that of the unit above it, `name` the container's part of the scope's."""

    __slots__ = ("name", "slice", "unit")

    def __init__(self, slice_name: str, unit: str, name: str) -> None:
        self.slice = slice_name
        self.unit = unit
        self.name = name

    @property
    def group(self) -> str:
        """Below the group of the systemd that keeps the unit."""
        return posixpath.join(expand_slice(self.slice), self.unit)


def plan_unit(cgroups_path: str, container: str, *, user: bool) -> UnitPlace:
    """From `slice:prefix:name`, or nothing; `user`: the user's own systemd keeps it. Raises InvalidArgument.

    A container's processes are put into the unit that holds it, so it must be a scope: a name that ends with .slice
    would make a slice.
    """
    slice_name, prefix, name = "", "runc", container
    if cgroups_path:
        parts = cgroups_path.split(":")
        if len(parts) != 3:
            raise InvalidArgument(
                'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, '
                f'got "{cgroups_path}" instead'
            )
        slice_name, prefix, name = parts
    if name.endswith(_SUFFIX):
        raise InvalidArgument(f'cgroupsPath "{cgroups_path}" names a slice, which cannot hold a container\'s processes')
    unit = f"{prefix}-{name}.scope"
    if len(unit) > _LONGEST or not _ALLOWED.issuperset(unit):
        raise InvalidArgument(f"invalid unit name: {unit}")
    place = UnitPlace(slice_name or ("user.slice" if user else "system.slice"), unit, name)
    expand_slice(place.slice)
    return place


def expand_slice(name: str) -> str:
    """`a-b.slice` lies at /a.slice/a-b.slice; `-.slice` is the root. Raises InvalidArgument for what is no slice."""
    stem = name.removesuffix(_SUFFIX)
    if stem == "-" and name != stem:
        return "/"
    parts = stem.split("-")
    if stem == name or "" in parts or not _ALLOWED.issuperset(name):
        raise InvalidArgument(f"invalid slice name: {name}")
    return "".join(f"/{'-'.join(parts[: count + 1])}{_SUFFIX}" for count in range(len(parts)))


def plan_unit_groups(place: UnitPlace, points: dict[str, str], roots: dict[str, str]) -> dict[str, str]:
    """Controller -> directory. `points`: controller -> mount point; `roots`: controller -> systemd's own group."""
    groups = {}
    for controller, point in points.items():
        root = roots.get(controller, roots.get(UNIFIED, "/"))
        groups[controller] = posixpath.normpath(f"{point}/{root}/{place.group}")
    return groups


def root_of_manager(group: str) -> str:
    """The group that a systemd has for everything, given the group of its own process."""
    return group.removesuffix("/init.scope") or "/"

"""What of a container criu shall not save itself, because it comes from outside: mounts and namespaces. Pure."""

import posixpath

from slipway.contracts.oci.runtime import Mount, Spec
from slipway.linux.cgroup_names import HYBRID, UNIFIED
from slipway.runc.plan.container import clean_path

_CGROUP_KINDS = ("cgroup", "cgroup2")


class OutsideMount:
    """A file or directory of the host (`source`) at `destination` in the container."""

    __slots__ = ("destination", "source")

    def __init__(self, destination: str, source: str) -> None:
        self.destination = destination
        self.source = source


def is_bind(mount: Mount) -> bool:
    return mount.kind == "bind" or "bind" in mount.options or "rbind" in mount.options


def outside_mounts(spec: Spec, bundle: str, points: dict[str, str], groups: dict[str, str]) -> list[OutsideMount]:
    """Bind mounts, and the hierarchies of v1 where the container has no cgroup namespace: those are bound, too."""
    found = []
    own_cgroups = any(namespace.kind == "cgroup" for namespace in spec.linux.namespaces)
    for mount in spec.mounts:
        destination = clean_path(mount.destination)
        if is_bind(mount):
            found.append(OutsideMount(destination, posixpath.join(bundle, mount.source)))
        elif mount.kind in _CGROUP_KINDS and UNIFIED not in points and not own_cgroups:
            places = {point: groups[name] for name, point in points.items() if name != HYBRID and name in groups}
            found.extend(
                OutsideMount(f"{destination}/{posixpath.basename(point)}", group) for point, group in places.items()
            )
    return found


def mount_points_to_make(spec: Spec, bundle: str) -> list[tuple[str, str]]:
    """(destination, source of a bind or "") of what must be there before a restore, in order.

    criu brings back a tmpfs with all that is in it, and the control groups' mount points.
    """
    on_tmpfs = [clean_path(mount.destination) + "/" for mount in spec.mounts if mount.kind == "tmpfs"]
    points = []
    for mount in spec.mounts:
        destination = clean_path(mount.destination)
        if mount.kind in _CGROUP_KINDS or destination.startswith(tuple(on_tmpfs)):
            continue
        points.append((destination, posixpath.join(bundle, mount.source) if is_bind(mount) else ""))
    return points


def joined_namespace(spec: Spec, kind: str) -> str:
    """The path of a namespace that the container did not make, or ""."""
    return next((namespace.path for namespace in spec.linux.namespaces if namespace.kind == kind), "")

"""Who owns a container's control group. Pure. Source: runtime-spec config-linux.md, Cgroup ownership."""

from slipway.contracts.oci.runtime import IdMapping, Mount, Spec
from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY
from slipway.runc.plan.container import clean_path
from slipway.runc.plan.mount_options import parse_mount_options


def group_owner(spec: Spec, uid_mappings: list[IdMapping]) -> "int | None":
    """The host's number of the user whose processes may make groups below (v2); None leaves the group as it is.

    Only for a container that has a cgroup namespace of its own and the cgroup file system mounted for writing.
    `uid_mappings`: of its user namespace, new or joined, if it has one.
    """
    own = any(namespace.kind == "cgroup" and not namespace.path for namespace in spec.linux.namespaces)
    if not own or spec.process is None or not any(_is_writable(mount) for mount in spec.mounts):
        return None
    uid = spec.process.user.uid
    if any(namespace.kind == "user" for namespace in spec.linux.namespaces):
        return _host_id(uid, uid_mappings)
    return uid


def _is_writable(mount: Mount) -> bool:
    if mount.kind not in ("cgroup", "cgroup2") or clean_path(mount.destination) != "/sys/fs/cgroup":
        return False
    return not parse_mount_options(mount.options).add & MOUNT_ATTR_RDONLY


def _host_id(uid: int, mappings: list[IdMapping]) -> "int | None":
    for mapping in mappings:
        if mapping.container_id <= uid < mapping.container_id + mapping.size:
            return mapping.host_id + uid - mapping.container_id
    return None

"""What an ordinary user's container must be like. Pure. Raises InvalidArgument, before anything is done."""

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import IdMapping, Spec
from slipway.runc.plan.mount_options import IDMAP_NONE, parse_mount_options


def check_rootless(spec: Spec, uid_mappings: list[IdMapping], gid_mappings: list[IdMapping]) -> None:
    """The mappings are those of the container's user namespace, new or joined; none if it has none."""
    if not uid_mappings or not gid_mappings:
        raise InvalidArgument("rootless container requires user namespaces")
    if spec.linux.net_devices:
        raise InvalidArgument("network devices are not supported for rootless containers")
    for mount in spec.mounts:
        options = parse_mount_options(mount.options)
        if options.idmap != IDMAP_NONE or mount.uid_mappings or mount.gid_mappings:
            raise InvalidArgument("id-mapped mounts are not supported for rootless containers")
        for key, value in options.data:
            mappings = {"uid": uid_mappings, "gid": gid_mappings}.get(key)
            if mappings is not None and value is not None and not _is_mapped(value, mappings):
                raise InvalidArgument(
                    f"cannot specify {key}={value} mount option for rootless container: "
                    f"{key} {value} of the container is mapped to none of the host"
                )


def _is_mapped(value: str, mappings: list[IdMapping]) -> bool:
    if not value.isascii() or not value.isdigit():
        return True  # no number: the kernel says what it is
    return any(item.container_id <= int(value) < item.container_id + item.size for item in mappings)

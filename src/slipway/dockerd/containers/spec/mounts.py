"""The mounts of a container: the kernel's file systems, then the user's and ours, parents before children."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.oci.defaults import default_mounts
from slipway.dockerd.containers.spec.model import ResolvedMount, SpecificationInput
from slipway.dockerd.containers.spec.tmpfs import merged_tmpfs_options

INIT_DESTINATION = "/sbin/docker-init"
SHARED, SLAVE = ("shared", "rshared"), ("slave", "rslave")
# A read-only root file system leaves these writable: programs cannot do without.
STAYS_WRITABLE = ("/proc", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev")


def container_mounts(request: SpecificationInput, *, writable_cgroups: bool) -> list[dict[str, Any]]:
    host_config = request.host_config
    wanted = sorted(request.mounts, key=_depth)
    destinations = {mount.destination for mount in wanted}
    mounts = [
        _default_mount(mount, host_config) for mount in default_mounts() if _is_kept(mount, destinations, host_config)
    ]
    if request.init_path:
        mounts.append(_init_mount(request.init_path))
    mounts += [_user_mount(mount, recursive=request.facts.recursive_read_only) for mount in wanted]
    if host_config.readonly_rootfs:
        _make_read_only(mount for mount in mounts if mount["destination"] not in destinations)
    for mount in mounts:
        if (host_config.privileged and mount["destination"] == "/sys") or (
            writable_cgroups and mount["type"] == "cgroup"
        ):
            mount["options"] = [option for option in mount["options"] if option != "ro"]
    return mounts


def root_propagation(mounts: Sequence[ResolvedMount]) -> str:
    """`linux.rootfsPropagation`: as open as the most open volume needs; "" leaves the runtime's default."""
    asked = [mount.propagation for mount in mounts if mount.kind == "bind"]
    if any(propagation in SHARED for propagation in asked):
        return "shared"
    return "rslave" if any(propagation in SLAVE for propagation in asked) else ""


def our_mounts(files: Mapping[str, str], host_config: HostConfig) -> list[ResolvedMount]:
    """Files that the engine made for a container ({path in it: path on the host}); read-only where the root is."""
    return [
        ResolvedMount(
            destination=destination, source=source, writable=not host_config.readonly_rootfs, propagation="rprivate"
        )
        for destination, source in files.items()
    ]


def _depth(mount: ResolvedMount) -> int:
    """Slashes; sorting is stable, so that siblings keep the order in which they were given."""
    return mount.destination.rstrip("/").count("/")


def _is_kept(mount: dict[str, Any], destinations: Iterable[str], host_config: HostConfig) -> bool:
    destination = mount["destination"]
    if destination in destinations or ("/dev" in destinations and destination.startswith("/dev/")):
        return False
    return not (destination == "/dev/shm" and host_config.ipc_mode == "none")


def _default_mount(mount: dict[str, Any], host_config: HostConfig) -> dict[str, Any]:
    if mount["destination"] == "/dev/shm":
        mount["options"].append(f"size={host_config.shm_size}")
    return mount


def _init_mount(path: str) -> dict[str, Any]:
    return {"destination": INIT_DESTINATION, "type": "bind", "source": path, "options": ["bind", "ro"]}


def _user_mount(mount: ResolvedMount, *, recursive: bool) -> dict[str, Any]:
    if mount.kind == "tmpfs":
        options = merged_tmpfs_options(["noexec", "nosuid", "nodev", "rprivate", *_split(mount.tmpfs_options)])
        return {"destination": mount.destination, "type": "tmpfs", "source": "tmpfs", "options": options}
    options = ["bind" if mount.non_recursive else "rbind"]
    if not mount.writable:
        options.append(_read_only_option(mount, recursive))
    if mount.propagation:
        options.append(mount.propagation)
    return {"destination": mount.destination, "type": "bind", "source": mount.source, "options": options}


def _read_only_option(mount: ResolvedMount, recursive: bool) -> str:
    """`rro` makes the mounts below read-only too (kernel 5.12); `ro` only the topmost."""
    if mount.read_only_force_recursive:
        if mount.read_only_non_recursive:
            raise InvalidArgument("mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive")
        if not recursive:
            raise InvalidArgument("recursive read-only mounts need kernel 5.12 and a runtime that supports them")
    return "rro" if recursive and not mount.read_only_non_recursive else "ro"


def _make_read_only(mounts: Iterable[dict[str, Any]]) -> None:
    for mount in mounts:
        if mount["destination"] not in STAYS_WRITABLE and "ro" not in mount["options"]:
            mount["options"].append("ro")


def _split(options: str) -> list[str]:
    return options.split(",") if options else []

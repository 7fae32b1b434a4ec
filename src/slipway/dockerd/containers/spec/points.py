"""Turns resolved mount points, --tmpfs and our own files into the mounts of a specification."""

from collections.abc import Iterable, Mapping

from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.mounts import BindOptions, Mount, MountPoint, TmpfsOptions
from slipway.dockerd.containers.spec.model import ResolvedMount

SIZE_UNITS = (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10))


def resolved_mounts(
    host_config: HostConfig, points: Iterable[MountPoint], files: Mapping[str, str]
) -> tuple[ResolvedMount, ...]:
    """`points` are what inspect shows under Mounts (binds and volumes, with existing sources); `files` maps a
    destination (/etc/hosts) to our file on the host. A point covers a file of ours with the same destination."""
    asked = {mount.target: mount for mount in host_config.mounts or ()}
    mounts = [_from_point(point, asked.get(point.destination)) for point in points if point.type != "tmpfs"]
    mounts += [
        ResolvedMount(destination=destination, kind="tmpfs", tmpfs_options=options)
        for destination, options in (host_config.tmpfs or {}).items()
    ]
    mounts += [_from_tmpfs(mount) for mount in asked.values() if mount.type == "tmpfs"]
    covered = {mount.destination for mount in mounts}
    mounts += [
        ResolvedMount(
            destination=destination, source=source, propagation="rprivate", writable=not host_config.readonly_rootfs
        )
        for destination, source in files.items()
        if destination not in covered
    ]
    return tuple(mounts)


def tmpfs_options(options: TmpfsOptions | None, *, read_only: bool) -> str:
    """The mount options of `--mount type=tmpfs`: "ro,mode=700,size=3m"."""
    words = ["ro"] if read_only else []
    if options and options.mode:
        words.append(f"mode={options.mode:o}")
    if options and options.size_bytes:
        unit, size = next(((unit, size) for unit, size in SIZE_UNITS if options.size_bytes % size == 0), ("", 1))
        words.append(f"size={options.size_bytes // size}{unit}")
    if options:
        words += ["=".join(option) for option in options.options or ()]
    return ",".join(words)


def _from_point(point: MountPoint, asked: Mount | None) -> ResolvedMount:
    bind = (asked.bind_options if asked else None) or BindOptions()
    return ResolvedMount(
        destination=point.destination,
        source=point.source,
        writable=point.rw,
        propagation=point.propagation,
        non_recursive=bind.non_recursive,
        read_only_non_recursive=bind.read_only_non_recursive,
        read_only_force_recursive=bind.read_only_force_recursive,
    )


def _from_tmpfs(mount: Mount) -> ResolvedMount:
    options = tmpfs_options(mount.tmpfs_options, read_only=mount.read_only)
    return ResolvedMount(destination=mount.target, kind="tmpfs", tmpfs_options=options)

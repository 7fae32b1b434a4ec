"""What of a container's configuration is mounted into it: `-v`, `--mount`, `--tmpfs` and the image's volumes.

Parsing is pure; `MountPoint`s come out of it once volumes and folders exist.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.mounts import Mount, MountPoint, TmpfsOptions
from slipway.dockerd.containers.spec.model import ResolvedMount

PROPAGATIONS: Final = frozenset(("private", "rprivate", "shared", "rshared", "slave", "rslave"))
LABEL_MODES: Final = frozenset(("z", "Z"))
SIZE_UNITS: Final = (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10))
OTHER_MODES: Final = frozenset(("nocopy", "consistent", "cached", "delegated", "volume-nocopy"))


@dataclass(frozen=True, kw_only=True)
class WantedMount:
    """A bind or a volume before it exists. `volume` is a name; empty with an empty `source` means an anonymous one."""

    destination: str
    source: str = ""
    volume: str = ""
    is_volume: bool = False
    writable: bool = True
    mode: str = ""
    propagation: str = ""
    copies_image: bool = False
    makes_source: bool = False  # -v makes a missing folder of the host, --mount does not
    volume_labels: Mapping[str, str] | None = None
    volume_driver: str = ""
    volume_options: Mapping[str, str] | None = None


def wanted_mounts(config: ContainerConfig, host_config: HostConfig, taken: Collection[str] = ()) -> list[WantedMount]:
    """All of them, by destination; later ones win over the image's volumes, and so does what is `taken` by other
    containers' mounts. Raises InvalidArgument for duplicates."""
    found: dict[str, WantedMount] = {}
    for text in host_config.binds or ():
        _add(found, mount_from_bind(text))
    for mount in host_config.mounts or ():
        if mount.type != "tmpfs":
            _add(found, _from_mount(mount))
    tmpfs = {clean_path(path) for path in host_config.tmpfs or {}}
    tmpfs |= {clean_path(mount.target) for mount in host_config.mounts or () if mount.type == "tmpfs"}
    for path in config.volumes or {}:
        destination = clean_path(f"/{path}")  # Docker's client sends `-v x:y` as a volume at the relative path x:y
        if destination not in found and destination not in tmpfs and destination not in taken:
            found[destination] = WantedMount(destination=destination, is_volume=True, copies_image=True)
    # --volume-driver says how volumes are made that say nothing themselves.
    return [
        replace(found[destination], volume_driver=found[destination].volume_driver or host_config.volume_driver)
        for destination in sorted(found)
    ]


def mount_from_bind(text: str) -> WantedMount:
    """`SOURCE:DESTINATION[:MODE]`, or `DESTINATION` alone for an anonymous volume."""
    parts = text.split(":")
    if "\0" in text or len(parts) > 3 or not all(parts[:2]):
        raise InvalidArgument(f"invalid volume specification: '{text}'")
    if len(parts) == 1:
        return WantedMount(destination=_destination(parts[0], text, "volume"), is_volume=True, copies_image=True)
    modes = parts[2].split(",") if len(parts) == 3 else []
    for mode in modes:
        if mode not in ("ro", "rw") and mode not in PROPAGATIONS | LABEL_MODES | OTHER_MODES:
            raise InvalidArgument(f"invalid mode: {parts[2]}")
    is_bind = len(parts) > 1 and parts[0].startswith("/")
    kind = "bind" if is_bind else "volume"
    propagation = next((mode for mode in modes if mode in PROPAGATIONS), "rprivate" if is_bind else "")
    return WantedMount(
        destination=_destination(parts[1], text, kind),
        source=clean_path(parts[0]) if is_bind else "",
        volume="" if is_bind else parts[0],
        is_volume=not is_bind,
        writable="ro" not in modes,
        mode=parts[2] if len(parts) == 3 else ("" if is_bind else "z"),
        propagation=propagation,
        copies_image=not is_bind and "nocopy" not in modes,
        makes_source=is_bind,
    )


def tmpfs_mounts(host_config: HostConfig) -> list[ResolvedMount]:
    """`--tmpfs` and `--mount type=tmpfs`."""
    mounts = [
        ResolvedMount(destination=clean_path(path), kind="tmpfs", tmpfs_options=options)
        for path, options in (host_config.tmpfs or {}).items()
    ]
    for mount in host_config.mounts or ():
        if mount.type == "tmpfs":
            mounts.append(
                ResolvedMount(
                    destination=clean_path(mount.target),
                    kind="tmpfs",
                    writable=not mount.read_only,
                    tmpfs_options=_tmpfs_options(mount),
                )
            )
    return mounts


def resolved_mount(point: MountPoint, mounts: Iterable[Mount]) -> ResolvedMount:
    """A mount point for the specification; `mounts` are the container's `--mount`s, whose bind options count."""
    resolved = ResolvedMount(
        destination=point.destination, source=point.source, writable=point.rw, propagation=point.propagation
    )
    for mount in mounts:
        if clean_path(mount.target) == point.destination and mount.bind_options is not None:
            options = mount.bind_options
            resolved = replace(
                resolved,
                non_recursive=options.non_recursive,
                read_only_non_recursive=options.read_only_non_recursive,
                read_only_force_recursive=options.read_only_force_recursive,
            )
    return resolved


def clean_path(path: str) -> str:
    """Go's filepath.Clean: no double slashes, no dots, no slash at the end."""
    cleaned = os.path.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _from_mount(mount: Mount) -> WantedMount:
    options = mount.volume_options
    if options is not None and options.subpath:
        raise InvalidArgument("invalid mount config: volume subpaths are not supported by this engine")
    driver = options.driver_config if options is not None else None
    is_volume = mount.type == "volume"
    propagation = mount.bind_options.propagation if mount.bind_options is not None else ""
    return WantedMount(
        destination=clean_path(mount.target),
        source="" if is_volume else clean_path(mount.source),
        volume=mount.source if is_volume else "",
        is_volume=is_volume,
        writable=not mount.read_only,
        mode="z" if is_volume else "",
        propagation="" if is_volume else propagation or "rprivate",
        copies_image=is_volume and not (options is not None and options.no_copy),
        makes_source=mount.bind_options is not None and mount.bind_options.create_mountpoint,
        volume_labels=options.labels if options is not None else None,
        volume_driver=driver.name if driver is not None else "",
        volume_options=driver.options if driver is not None else None,
    )


def _add(found: dict[str, WantedMount], mount: WantedMount) -> None:
    if mount.destination in found:
        raise InvalidArgument(f"Duplicate mount point: {mount.destination}")
    found[mount.destination] = mount


def _destination(path: str, text: str, kind: str) -> str:
    cleaned = clean_path(path)
    if cleaned == "/":
        why = "invalid specification: destination can't be '/'"
    elif not path.startswith("/"):
        why = f"invalid mount path: '{path}' mount path must be absolute"
    else:
        return cleaned
    raise InvalidArgument(f"invalid volume specification: '{text}': invalid mount config for type \"{kind}\": {why}")


def _tmpfs_options(mount: Mount) -> str:
    """The mount's options as text: "ro,mode=700,size=3m"."""
    options = mount.tmpfs_options or TmpfsOptions()
    words = ["ro"] if mount.read_only else []
    if options.mode:
        words.append(f"mode={options.mode:o}")
    if options.size_bytes:
        unit, size = next((pair for pair in SIZE_UNITS if options.size_bytes % pair[1] == 0), ("", 1))
        words.append(f"size={options.size_bytes // size}{unit}")
    return ",".join([*words, *("=".join(option) for option in options.options or ())])

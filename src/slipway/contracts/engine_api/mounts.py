"""Mounts as a container asks for them (`--mount`) and as inspect shows them."""

# ruff: noqa: RUF009 - `member` only describes a field

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.contracts.engine_api.schema import member


@dataclass(frozen=True, kw_only=True)
class BindOptions:
    """`propagation` is rprivate (also when empty), private, rshared, shared, rslave or slave."""

    propagation: str = member("", omit_empty=True)
    non_recursive: bool = member(False, omit_empty=True)
    create_mountpoint: bool = member(False, omit_empty=True)
    read_only_non_recursive: bool = member(False, omit_empty=True)
    read_only_force_recursive: bool = member(False, omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class VolumeDriver:
    """The driver of a volume and what it is told."""

    name: str = member("", omit_empty=True)
    options: Mapping[str, str] | None = member(None, omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class VolumeOptions:
    """How a volume is made, if it does not exist, and mounted."""

    no_copy: bool = member(False, omit_empty=True)
    labels: Mapping[str, str] | None = member(None, omit_empty=True)
    subpath: str = member("", omit_empty=True)
    driver_config: VolumeDriver | None = member(None, omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class TmpfsOptions:
    """`size_bytes` 0 means no limit; `mode` 0 means 1777. `options` are (key) or (key, value)."""

    size_bytes: int = member(0, omit_empty=True)
    mode: int = member(0, omit_empty=True)
    options: tuple[tuple[str, ...], ...] | None = member(None, omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One `--mount`: `type` is bind, volume, tmpfs or image; `target` is a path in the container."""

    type: str = member("", omit_empty=True)
    source: str = member("", omit_empty=True)
    target: str = member("", omit_empty=True)
    read_only: bool = member(False, omit_empty=True)
    consistency: str = member("", omit_empty=True)
    bind_options: BindOptions | None = member(None, omit_empty=True)
    volume_options: VolumeOptions | None = member(None, omit_empty=True)
    tmpfs_options: TmpfsOptions | None = member(None, omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class MountPoint:
    """A bind or volume as resolved for one container: `source` is an existing path of the host, `name` the volume's.

    `mode` is what the user wrote after the last colon of `-v` (or "z", which is the original's word for nothing).
    """

    type: str = member("", omit_empty=True)
    name: str = member("", omit_empty=True)
    source: str = member("")
    destination: str = member("")
    driver: str = member("", omit_empty=True)
    mode: str = member("")
    rw: bool = member(True, json="RW")
    propagation: str = member("")

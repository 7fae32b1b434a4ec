"""Where a layer goes, read off the mounts that show a snapshot: overlayfs's upper directory, or a bind's source."""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.archive.extract import Whiteouts
from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.contracts.containerd_api.types import Mount


@dataclass(frozen=True, slots=True)
class Tree:
    """A directory that can be read or filled without mounting. `lower`: those that show through it, nearest first."""

    path: str
    lower: tuple[str, ...]
    whiteouts: Whiteouts

    @property
    def layers(self) -> tuple[str, ...]:
        """All directories that it is joined from, the upmost first."""
        return (self.path, *self.lower)


def tree_from_mounts(mounts: Sequence[Mount], *, writable: bool) -> Tree | None:
    """None for no mounts: nothing at all. Raises NotImplementedByEngine for mounts of another shape.

    Without `writable`, an overlay of lower directories alone has its nearest as `path`.
    """
    if not mounts:
        return None
    if len(mounts) > 1 or mounts[0].target:
        raise NotImplementedByEngine("use a snapshot of several mounts: only one overlay or one bind is known")
    mount = mounts[0]
    if mount.type == "overlay":
        return _overlay(mount, writable=writable)
    if mount.type in ("bind", "rbind") or "bind" in mount.options or "rbind" in mount.options:
        if writable and "ro" in mount.options:
            raise InvalidArgument(f"apply to {mount.source}: the mount is read-only")
        return Tree(mount.source, (), Whiteouts.REMOVE)
    raise NotImplementedByEngine(f"use a snapshot mounted as {mount.type!r}: only overlay and bind are known")


def _overlay(mount: Mount, *, writable: bool) -> Tree:
    options = dict(option.partition("=")[::2] for option in mount.options)
    lower = tuple(path for path in options.get("lowerdir", "").split(":") if path)
    if upper := options.get("upperdir", ""):
        return Tree(upper, lower, Whiteouts.OVERLAY)
    if writable or not lower:
        raise InvalidArgument("apply to an overlay without upperdir: the mount is read-only")
    return Tree(lower[0], lower[1:], Whiteouts.OVERLAY)

"""`--volumes-from`: the binds and volumes of other containers, at the same places."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from slipway.base.errors import InvalidArgument, NotFound
from slipway.contracts.engine_api.mounts import MountPoint
from slipway.dockerd.containers.registry import ContainerRegistry

ACCESS_MODES: Final = frozenset(("ro", "rw"))
LABEL_MODES: Final = frozenset(("z", "Z"))


def mounts_of_others(registry: ContainerRegistry, texts: Iterable[str]) -> dict[str, MountPoint]:
    """By destination; a later container wins. Raises InvalidArgument, also for a container that is not there."""
    found: dict[str, MountPoint] = {}
    for text in texts:
        name, writable = container_and_access(text)
        try:
            other = registry.find(name)
        except NotFound as error:
            raise InvalidArgument(error.message) from error
        for point in other.record.mount_points:
            found[point.destination] = replace(point, mode="", rw=point.rw and writable)
    return found


def container_and_access(text: str) -> tuple[str, bool]:
    """`NAME[:MODE]` → the name, and whether what is mounted may be written. Pure."""
    if not text:
        raise InvalidArgument("volumes-from specification cannot be an empty string")
    name, _, mode = text.partition(":")
    words = mode.split(",") if mode else []
    is_known = all(word in ACCESS_MODES | LABEL_MODES for word in words)
    if not is_known or any(len(kind.intersection(words)) > 1 for kind in (ACCESS_MODES, LABEL_MODES)):
        raise InvalidArgument(f"invalid mode: {mode}")
    if not name:
        raise InvalidArgument('invalid name or ID supplied: ""')
    return name, "ro" not in words


def joined_mount_points(own: Sequence[MountPoint], others: dict[str, MountPoint]) -> tuple[MountPoint, ...]:
    """All of a container, by destination: what it asked for itself wins."""
    found = {**others, **{point.destination: point for point in own}}
    return tuple(found[destination] for destination in sorted(found))

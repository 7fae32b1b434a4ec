"""What containers and the API ask of volumes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Protocol

from slipway.dockerd.volumes.model import Volume

__all__ = ["Volume", "Volumes"]


class Volumes(Protocol):
    """Local volumes by name. Coroutines: the disk is waited for in threads."""

    async def create(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        driver: str = "",
        held: ExitStack | None = None,
    ) -> Volume:
        """The volume of that name, made if there is none; an empty name makes an anonymous one.

        Until `held` closes it counts as used: a container that is being made is to have it.

        Raises InvalidArgument for a name that cannot be one, for options that the local driver does not have, and
        NotFound for another driver.
        """

    def get(self, name: str) -> Volume:
        """Raises NotFound."""

    def is_held(self, name: str) -> bool:
        """Whether a container that is being made is to have it."""

    def list(self) -> list[Volume]:
        """By name."""

    async def size(self, name: str) -> int:
        """Bytes of its files; -1 if they cannot be counted. Raises NotFound."""

    async def remove(self, name: str) -> None:
        """Remove the volume with what is in it. Whether somebody uses it is for the caller to know. Raises NotFound."""

    async def prune(self, names: Iterable[str], is_used: Callable[[str], bool]) -> Sequence[str]:
        """Remove those of `names` that nobody uses or holds when their turn comes; listeners hear of the whole, too.

        The names of what was removed; what cannot be removed stays, and is logged.
        """

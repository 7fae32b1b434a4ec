"""What a pull asks of the settings of registries."""

from typing import Protocol


class FindsRegistries(Protocol):
    """Tells containerd how a registry is reached."""

    async def folder_for(self, domain: str) -> str:
        """A folder of hosts.toml for `domain` (`docker.io`, `host:5000`); empty where nothing is said about it.

        Raises InvalidArgument, Unavailable.
        """

"""What services ask of collection."""

from typing import Protocol


class Collection(Protocol):
    async def collect(self) -> None:
        """Remove everything that nothing keeps, and return when it is gone."""
        ...

    def collect_soon(self) -> None:
        """Have it done in the background; returns at once."""
        ...

"""What the rest of the engine asks of containers."""

from typing import Protocol


class CountsContainers(Protocol):
    """How many containers there are."""

    def counts(self) -> dict[str, int]:
        """By `containers` (all of them), `running` (also those that restart), `paused` and `stopped`."""

"""One prune at a time: a second one is refused while the first runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from slipway.base.errors import FailedPrecondition


class PruneGate:
    """On the event loop. As with the original containers and networks share one; images and volumes have their own."""

    def __init__(self) -> None:
        self._is_taken = False

    @contextmanager
    def pass_alone(self) -> Iterator[None]:
        """Raises FailedPrecondition while somebody else is within."""
        if self._is_taken:
            raise FailedPrecondition("a prune operation is already running")
        self._is_taken = True
        try:
            yield
        finally:
            self._is_taken = False

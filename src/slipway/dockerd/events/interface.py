"""What the engine's nouns ask of events: to tell of something, and to listen."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from slipway.dockerd.events.model import Event


class Events(Protocol):
    """Publish and listen on the event loop."""

    def publish(self, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
        """Tell of something that has just happened: `kind` and `action` as in `docker events`, `actor` its id."""

    @property
    def listeners(self) -> int:
        """How many listen now."""

    def listen(self, *, since: int, until: int) -> AsyncIterator[Event]:
        """Past events from `since` on (0: none), then new ones, up to `until` (0: without end); in nanoseconds."""

"""Routes of the build cache: there is none, so pruning it finds nothing. `docker system prune` asks for it, too."""

from collections.abc import Mapping
from typing import Final, Protocol

from slipway.base.errors import InvalidArgument
from slipway.dockerd.api.routing import Call, Route, empty_response, json_response
from slipway.transport.aio.http_messages import Answer

# The fields of a record that a filter may name, and what the original takes beside them.
FILTERS: Final = frozenset(("id", "parent", "type", "description", "inuse", "shared", "private")) | {
    "until",
    "unused-for",
    "label",
    "label!",
}
SIZES: Final = ("reserved-space", "keep-storage", "max-used-space", "min-free-space")


class Events(Protocol):
    """Who is told of it."""

    def publish(self, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None: ...


class BuildCacheRoutes:
    """What a request must hold is looked at all the same."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def routes(self) -> list[Route]:
        return [Route("POST", "/build/prune", self.prune), Route("POST", "/build/cancel", self.cancel)]

    async def prune(self, call: Call) -> Answer:
        _check_sizes(call)
        _check_filters(call)
        self._events.publish("builder", "prune", "", {"reclaimed": "0"})
        return json_response({"CachesDeleted": None, "SpaceReclaimed": 0})

    async def cancel(self, call: Call) -> Answer:
        """The original says nothing where there is no build of that name."""
        if not call.query.text("id"):
            raise InvalidArgument("build ID not provided")
        return empty_response(200)


def _check_filters(call: Call) -> None:
    for name in call.query.filters():
        if name not in FILTERS:
            raise InvalidArgument(f"failed to prune build cache: invalid filter '{name}'")


def _check_sizes(call: Call) -> None:
    for name in SIZES if call.version >= (1, 48) else ("keep-storage",):
        text = call.query.text(name)
        digits = text.removeprefix("-" if text.startswith("-") else "+")
        if text and not (digits.isascii() and digits.isdigit()):
            reason = f'strconv.Atoi: parsing "{text}": invalid syntax'
            raise InvalidArgument(f"{name} is in bytes and expects an integer, got {text}: {reason}")

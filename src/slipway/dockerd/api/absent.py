"""Routes of what this engine deliberately does not have: clusters, managed plugins, BuildKit.

Each answers as a daemon out of swarm mode and without plugins does, so that a client's own checks go on. What a request
must hold is looked at first, as there: who sends nonsense learns of it, not of the swarm.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from slipway.base.errors import InvalidArgument, NotFound, NotImplementedByEngine, Unavailable
from slipway.dockerd.api.routing import Call, Route, json_response
from slipway.transport.aio.http_messages import Answer

Check = Callable[[Call], Awaitable[None]]
Outcome = Callable[[Call], Answer]
Row = tuple[str, str, tuple[Check, ...], Outcome]

PLUGIN_FILTERS: Final = frozenset(("enabled", "capability"))
UNSIGNED_END: Final = 1 << 64


# What is looked at before the answer.


async def _json(call: Call) -> None:
    await call.json_if_any()


async def _filters(call: Call) -> None:
    call.query.filters()


async def _plugin_filters(call: Call) -> None:
    call.query.filters().check_names(PLUGIN_FILTERS)


async def _streams(call: Call) -> None:
    """The original answers 500 to this: it has no kind for the error. It is the caller's."""
    if not (call.query.boolean("stdout") or call.query.boolean("stderr")):
        raise InvalidArgument("Bad parameters: you must choose at least one stream")


def _version_of(what: str) -> Check:
    async def check(call: Call) -> None:
        text = call.query.text("version")
        problem = _problem_of_unsigned(text)
        if problem and what in ("secret", "config"):
            raise InvalidArgument(f"invalid {what} version")
        if problem:
            raise InvalidArgument(f"invalid {what} version '{text}': strconv.ParseUint: parsing \"{text}\": {problem}")

    return check


def _problem_of_unsigned(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        return "invalid syntax"
    digits = text.lstrip("0")  # Python reads no number of more than 4300
    return "value out of range" if len(digits) > 20 or int(digits or "0") >= UNSIGNED_END else ""


# The answers.


def _no_manager(call: Call) -> Answer:
    raise Unavailable(
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
        "to connect this node to swarm and try again."
    )


def _no_swarm(call: Call) -> Answer:
    raise Unavailable("This node is not part of a swarm")


def _no_cluster_volumes(call: Call) -> Answer:
    raise Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")


def _no_such_plugin(call: Call) -> Answer:
    raise NotFound(f'plugin "{call.names["name"]}" not found')


def _never(what: str) -> Outcome:
    def refuse(call: Call) -> Answer:
        raise NotImplementedByEngine(what)

    return refuse


def _empty_list(call: Call) -> Answer:
    return json_response([])


_no_swarm_mode = _never("swarm mode is not supported by this engine")
_no_plugins = _never("managed plugins are not supported by this engine")

ABSENT: Final[tuple[Row, ...]] = (
    ("POST", "/swarm/init", (_json,), _no_swarm_mode),
    ("POST", "/swarm/join", (_json,), _no_swarm_mode),
    ("POST", "/swarm/leave", (), _no_swarm),
    ("GET", "/swarm", (), _no_manager),
    ("GET", "/swarm/unlockkey", (), _no_manager),
    ("POST", "/swarm/update", (_json, _version_of("swarm")), _no_manager),
    ("POST", "/swarm/unlock", (_json,), _no_manager),
    ("GET", "/nodes", (_filters,), _no_manager),
    ("GET", "/nodes/{id}", (), _no_manager),
    ("DELETE", "/nodes/{id}", (), _no_manager),
    ("POST", "/nodes/{id}/update", (_json, _version_of("node")), _no_manager),
    ("GET", "/services", (_filters,), _no_manager),
    ("POST", "/services/create", (_json,), _no_manager),
    ("GET", "/services/{id}", (), _no_manager),
    ("DELETE", "/services/{id}", (), _no_manager),
    ("POST", "/services/{id}/update", (_json, _version_of("service")), _no_manager),
    ("GET", "/services/{id}/logs", (_streams,), _no_manager),
    ("GET", "/tasks", (_filters,), _no_manager),
    ("GET", "/tasks/{id}", (), _no_manager),
    ("GET", "/tasks/{id}/logs", (_streams,), _no_manager),
    ("GET", "/secrets", (_filters,), _no_manager),
    ("POST", "/secrets/create", (_json,), _no_manager),
    ("GET", "/secrets/{id}", (), _no_manager),
    ("DELETE", "/secrets/{id}", (), _no_manager),
    ("POST", "/secrets/{id}/update", (_json, _version_of("secret")), _no_manager),
    ("GET", "/configs", (_filters,), _no_manager),
    ("POST", "/configs/create", (_json,), _no_manager),
    ("GET", "/configs/{id}", (), _no_manager),
    ("DELETE", "/configs/{id}", (), _no_manager),
    ("POST", "/configs/{id}/update", (_json, _version_of("config")), _no_manager),
    ("PUT", "/volumes/{name:*}", (), _no_cluster_volumes),
    ("GET", "/plugins", (_plugin_filters,), _empty_list),
    ("GET", "/plugins/privileges", (), _no_plugins),
    ("POST", "/plugins/pull", (), _no_plugins),
    ("POST", "/plugins/create", (), _no_plugins),
    ("GET", "/plugins/{name:*}/json", (), _no_such_plugin),
    ("DELETE", "/plugins/{name:*}", (), _no_such_plugin),
    ("POST", "/plugins/{name:*}/enable", (), _no_such_plugin),
    ("POST", "/plugins/{name:*}/disable", (), _no_such_plugin),
    ("POST", "/plugins/{name:*}/push", (), _no_such_plugin),
    ("POST", "/plugins/{name:*}/upgrade", (), _no_such_plugin),
    ("POST", "/plugins/{name:*}/set", (), _no_such_plugin),
    ("POST", "/session", (), _never("sessions of BuildKit are not supported by this engine")),
    ("POST", "/grpc", (), _never("BuildKit is not part of this engine")),
)


def routes() -> list[Route]:
    return [_route(*row) for row in ABSENT]


def _route(method: str, pattern: str, checks: tuple[Check, ...], outcome: Outcome) -> Route:
    async def answer(call: Call) -> Answer:
        for check in checks:
            await check(call)
        return outcome(call)

    return Route(method, pattern, answer)

"""The build cache is empty: pruning it finds nothing, and says so, also to who listens.

Facts of moby 28.5: api/server/router/build/build_routes.go, api/server/backend/build, builder/builder-next.
"""

import asyncio
from collections.abc import Mapping

import orjson
import pytest

from slipway.dockerd.api.build_cache import BuildCacheRoutes
from slipway.dockerd.api.routing import Router
from slipway.transport.aio.http_messages import BodyStream, Request, Response

PRUNED = ("builder", "prune", "", {"reclaimed": "0"})


class Events:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, Mapping[str, str]]] = []

    def publish(self, kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
        self.told.append((kind, action, actor, attributes))


def ask(target: str) -> tuple[int, bytes, Events]:
    events = Events()

    async def answer() -> Response:
        stream = BodyStream(lambda: None, lambda: None)
        stream.feed_end()
        request = Request(method="POST", target=target.encode(), headers={}, body=stream, keeps_alive=True)
        answer = await Router(BuildCacheRoutes(events).routes(), {}).handle(request)
        assert isinstance(answer, Response)
        return answer

    response = asyncio.run(answer())
    return response.status, response.body, events


@pytest.mark.parametrize(
    "target",
    [
        "/v1.51/build/prune",
        "/v1.51/build/prune?all=1&keep-storage=0&reserved-space=-1",
        '/v1.51/build/prune?filters={"until":["24h"],"id":["a"]}',
        "/v1.47/build/prune?reserved-space=not-read-yet",
    ],
)
def test_there_is_nothing_to_prune(target: str) -> None:
    """`docker system prune` asks for it, too: an error would be the end of the whole command."""
    status, body, events = ask(target)
    assert (status, orjson.loads(body)) == (200, {"CachesDeleted": None, "SpaceReclaimed": 0})
    assert events.told == [PRUNED]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('filters={"name":["x"]}', "failed to prune build cache: invalid filter 'name'"),
        (
            "keep-storage=1k",
            'keep-storage is in bytes and expects an integer, got 1k: strconv.Atoi: parsing "1k": invalid syntax',
        ),
        (
            "max-used-space=--1",
            'max-used-space is in bytes and expects an integer, got --1: strconv.Atoi: parsing "--1": invalid syntax',
        ),
    ],
)
def test_a_malformed_prune_is_refused(query: str, message: str) -> None:
    status, body, events = ask(f"/v1.51/build/prune?{query}")
    assert (status, orjson.loads(body)) == (400, {"message": message})
    assert events.told == []


def test_a_build_to_cancel_needs_a_name() -> None:
    status, body, _ = ask("/build/cancel")
    assert (status, orjson.loads(body)) == (400, {"message": "build ID not provided"})


def test_a_build_that_is_not_there_is_cancelled() -> None:
    assert ask("/build/cancel?id=x")[:2] == (200, b"")

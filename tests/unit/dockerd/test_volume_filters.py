"""Which volumes a list shows and a prune removes: every filter has its effect, or is refused."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from slipway.base.errors import NotFound
from slipway.dockerd.api.routing import Router
from slipway.dockerd.api.volumes import VolumeRoutes
from slipway.dockerd.volumes.model import ANONYMOUS_LABEL, Volume
from slipway.dockerd.volumes.store import VolumeStore
from slipway.transport.aio.http_messages import BodyStream, Request, Response

SECONDS = 10.0
USED, KEPT, PLAIN, NAMELESS = "used", "kept", "plain", "f" * 64
LABELS: dict[str, dict[str, str] | None] = {
    USED: {"role": "web", ANONYMOUS_LABEL: ""},
    KEPT: {"role": "web", "keep": "yes"},
    PLAIN: None,
    NAMELESS: {ANONYMOUS_LABEL: ""},
}


class Store(VolumeStore):
    """In memory. `at_removal` is called before each removal, with the volume's name."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        super().__init__("/nosuch", lambda: 0, SimpleNamespace(publish=lambda *event: self.told.append(event)))
        self._volumes = {
            name: Volume(name=name, mountpoint=f"/v/{name}", created=0, labels=labels)
            for name, labels in LABELS.items()
        }
        self.removed: list[str] = []
        self.users: dict[str, list[str]] = {USED: ["box"]}
        self.at_removal: Any = lambda _name: None
        self.gate: asyncio.Event | None = None

    async def remove(self, name: str) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.at_removal(name)
        del self._volumes[name]
        self.removed.append(name)


def ask(store: Store, method: str, path: str, filters: Any = None, version: str = "1.51") -> Any:
    routes = VolumeRoutes(store, lambda name: store.users.get(name, []))
    return asyncio.run(asked(routes, method, path, filters, version))


async def asked(
    routes: VolumeRoutes, method: str, path: str, filters: Any = None, version: str = "1.51"
) -> tuple[int, Any]:
    text = "" if filters is None else f"?filters={quote(filters if isinstance(filters, str) else json.dumps(filters))}"
    body = BodyStream(lambda: None, lambda: None)
    request = Request(
        method=method, target=f"/v{version}{path}{text}".encode(), headers={}, body=body, keeps_alive=True
    )
    answer = await Router(routes.routes(), {}).handle(request)
    assert isinstance(answer, Response)
    return answer.status, orjson.loads(answer.body)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (None, [NAMELESS, KEPT, PLAIN, USED]),
        ({"name": ["^pl"]}, [PLAIN]),
        ({"name": ["plain", "^k.*t$"]}, [KEPT, PLAIN]),
        ({"name": ["lain$"]}, [PLAIN]),
        ({"driver": ["local"]}, [NAMELESS, KEPT, PLAIN, USED]),
        ({"driver": ["nfs"]}, []),
        ({"label": ["role=web"]}, [KEPT, USED]),
        ({"label": ["role=web", "keep"]}, [KEPT]),
        ({"dangling": {"true": True}}, [NAMELESS, KEPT, PLAIN]),
        ({"dangling": ["0"]}, [USED]),
    ],
)
def test_a_filter_shows_what_the_originals_shows(filters: Any, names: list[str]) -> None:
    status, answer = ask(Store(), "GET", "/volumes", filters)
    assert (status, [volume["Name"] for volume in answer["Volumes"]]) == (200, names)


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"label!": ["keep"]}, "invalid filter 'label!'"),
        ({"dangling": ["yes"]}, "invalid filter 'dangling=[yes]'"),
        ("{", "error reading volume filters: invalid filter"),
    ],
)
def test_a_list_refuses_what_it_does_not_know(filters: Any, words: str) -> None:
    assert ask(Store(), "GET", "/volumes", filters) == (400, {"message": words})


@pytest.mark.parametrize(
    ("filters", "version", "removed"),
    [
        (None, "1.51", [NAMELESS]),
        (None, "1.41", [NAMELESS, KEPT, PLAIN]),
        ({"all": ["false"]}, "1.51", [NAMELESS]),
        ({"all": ["1"]}, "1.51", [NAMELESS, KEPT, PLAIN]),
        ({"all": ["T"]}, "1.51", [NAMELESS, KEPT, PLAIN]),
        ({"all": ["true"], "label!": ["keep"]}, "1.51", [NAMELESS, PLAIN]),
        ({"all": ["true"], "label!": ["keep=no"]}, "1.51", [NAMELESS, KEPT, PLAIN]),
        ({"all": {"true": True}, "label!": {"keep": True, "role": True}}, "1.51", [NAMELESS, PLAIN]),
        ({"all": ["true"], "label": ["role"]}, "1.51", [KEPT]),
        ({"label": ["role"]}, "1.51", []),
        ({"label!": ["keep"]}, "1.41", [NAMELESS, PLAIN]),
    ],
)
def test_a_prune_removes_only_what_was_asked_for(filters: Any, version: str, removed: list[str]) -> None:
    store = Store()
    status, answer = ask(store, "POST", "/volumes/prune", filters, version)
    assert (status, store.removed) == (200, removed)
    assert answer == {"VolumesDeleted": removed, "SpaceReclaimed": 0}
    assert store.told == [("volume", "prune", "", {"reclaimed": "0"})]


@pytest.mark.parametrize(
    ("filters", "version", "words"),
    [
        ({"dangling": ["true"]}, "1.51", "invalid filter 'dangling'"),
        ({"until": ["1h"]}, "1.51", "invalid filter 'until'"),
        ({"name": ["plain"], "all": ["true"]}, "1.51", "invalid filter 'name'"),
        ({"all": ["yes"]}, "1.51", "invalid filter 'all': strconv.ParseBool: parsing \"yes\": invalid syntax"),
        ({"all": ["true", "1"]}, "1.51", "invalid filter 'all=[true 1]': only one value is expected"),
        ({"all": ["false"]}, "1.41", "invalid filter 'all=[false true]': only one value is expected"),
        ('{"all": true}', "1.51", "invalid filter"),
    ],
)
def test_a_prune_with_a_filter_that_cannot_be_removes_nothing(filters: Any, version: str, words: str) -> None:
    store = Store()
    assert ask(store, "POST", "/volumes/prune", filters, version) == (400, {"message": words})
    assert not store.removed


def test_what_is_used_or_gone_meanwhile_is_not_removed_and_not_told() -> None:
    store = Store()

    def at_removal(name: str) -> None:
        store.users[PLAIN] = ["new"]
        if name == KEPT:
            raise NotFound("get kept: no such volume")

    store.at_removal = at_removal
    _, answer = ask(store, "POST", "/volumes/prune", {"all": ["1"]})
    assert answer["VolumesDeleted"] == store.removed == [NAMELESS]


def test_a_second_prune_is_refused_while_the_first_runs() -> None:
    async def test() -> None:
        store = Store()
        store.gate = asyncio.Event()
        routes = VolumeRoutes(store, lambda name: store.users.get(name, []))
        first = asyncio.create_task(asked(routes, "POST", "/volumes/prune"))
        await asyncio.sleep(0)
        second = await asyncio.wait_for(asked(routes, "POST", "/volumes/prune"), SECONDS)
        assert second == (409, {"message": "a prune operation is already running"})
        store.gate.set()
        assert (await first)[0] == 200
        assert (await asked(routes, "POST", "/volumes/prune"))[0] == 200

    asyncio.run(test())

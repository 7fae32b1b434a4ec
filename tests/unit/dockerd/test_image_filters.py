"""Which images a list shows and a prune removes: every filter has its effect, or is refused."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from slipway.base.errors import NotFound
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.dockerd.api.images import ImageRoutes
from slipway.dockerd.api.routing import Router
from slipway.dockerd.images.model import ImageContent, ImageUse, NamedImage
from slipway.dockerd.images.names import familiar_name
from slipway.dockerd.images.service import ImageService
from slipway.transport.aio.http_messages import BodyStream, Request, Response

SECOND = 1_000_000_000
OLD, NEW, LOOSE, PINNED = ("sha256:" + digit * 64 for digit in "1234")
HUB = "docker.io/library"


def image(image_id: str, made: int, named: dict[str, int], labels: dict[str, str] | None = None) -> NamedImage:
    """`made` and the times of names in seconds; 0 for an image that does not say when it was made."""
    target = Descriptor(media_type="manifest", digest=image_id, size=1)
    config = {"Labels": labels} if labels else {}
    content = ImageContent(
        id=image_id,
        target=target,
        manifest=target,
        layers=(),
        diff_ids=(),
        chain_id="",
        config=ContainerConfig(labels=labels),
        document={"config": config, **({"created": rfc3339_from_nanoseconds(made * SECOND)} if made else {})},
    )
    times = {name: seconds * SECOND for name, seconds in named.items()}
    return NamedImage(content=content, names=tuple(sorted(named)), created_at=times)


def some() -> list[NamedImage]:
    return [
        image(OLD, 10, {f"{HUB}/app:1": 40, f"{HUB}/app:old": 80, "registry:5000/team/app:1": 50}, {"role": "web"}),
        image(NEW, 20, {f"{HUB}/app:2": 60}, {"role": "db", "keep": "yes"}),
        image(LOOSE, 30, {f"moby-dangling@{LOOSE}": 70}),
        image(PINNED, 0, {f"{HUB}/tool@{PINNED}": 75}),
    ]


class Engine:
    """Images in memory, and the containers that use them."""

    def __init__(self, images: list[NamedImage] | None = None, uses: list[ImageUse] | None = None) -> None:
        self.images = {each.content.id: each for each in (some() if images is None else images)}
        self.uses = uses or []
        self.deleted: list[str] = []
        self.gate: asyncio.Event | None = None
        self.told: list[tuple[Any, ...]] = []
        self.at_deletion: Any = lambda _name: None
        environment: Any = SimpleNamespace(
            finder=SimpleNamespace(all=self.all, find=self.find),
            sizes=SimpleNamespace(total=self.total),
            containerd=SimpleNamespace(images=SimpleNamespace(delete=self.delete)),
            events=SimpleNamespace(publish=lambda *event: self.told.append(event)),
            clock=SimpleNamespace(now=lambda: 100 * SECOND, local_offset=lambda: 0),
        )
        used = lambda: {use.image_id: use.container_id for use in self.uses}  # noqa: E731
        self.routes = ImageRoutes(ImageService(environment), used, lambda: self.uses).routes()

    async def all(self) -> list[NamedImage]:
        if self.gate is not None:
            await self.gate.wait()
        return list(self.images.values())

    async def find(self, reference: str) -> NamedImage:
        for found in self.images.values():
            if reference in (found.content.id, *found.names, *map(familiar_name, found.names)):
                return found
        raise NotFound(f"No such image: {reference}")

    async def total(self, _content: ImageContent) -> int:
        return 5

    async def delete(self, name: str, **_: Any) -> None:
        self.at_deletion(name)
        found = next(each for each in self.images.values() if name in each.names)
        left = tuple(each for each in found.names if each != name)
        self.images.pop(found.content.id)
        if left:
            self.images[found.content.id] = NamedImage(content=found.content, names=left, created_at=found.created_at)
        self.deleted.append(name)

    async def asked(self, method: str, path: str, filters: Any = None, more: str = "") -> tuple[int, Any]:
        query = f"?{more}" + ("" if filters is None else f"&filters={quote(json.dumps(filters))}")
        body = BodyStream(lambda: None, lambda: None)
        request = Request(method=method, target=f"{path}{query}".encode(), headers={}, body=body, keeps_alive=True)
        answer = await Router(self.routes, {}).handle(request)
        assert isinstance(answer, Response)
        return answer.status, orjson.loads(answer.body)

    def ask(self, method: str, path: str, filters: Any = None, more: str = "") -> tuple[int, Any]:
        return asyncio.run(self.asked(method, path, filters, more))


@pytest.mark.parametrize(
    ("filters", "images"),
    [
        (None, [LOOSE, NEW, OLD, PINNED]),
        ({"dangling": ["true"]}, [LOOSE]),
        ({"dangling": ["0"]}, [NEW, OLD, PINNED]),
        ({"label": ["role"]}, [NEW, OLD]),
        ({"label": ["role=web"]}, [OLD]),
        ({"label": ["role", "keep=yes"]}, [NEW]),
        ({"label!": ["role"]}, [LOOSE, PINNED]),
        ({"label!": ["role=web"]}, [NEW]),  # one that has no role is left out, too, as the original does
        ({"label!": ["keep", "role"]}, [LOOSE, PINNED]),  # each of them alone
        ({"label": ["role!=web"]}, [NEW]),
        ({"label!": ["role!=web"]}, [OLD]),
        ({"before": ["app:2"]}, [OLD]),
        ({"before": [LOOSE, NEW]}, [OLD]),
        ({"since": [OLD]}, [LOOSE, NEW]),
        ({"since": [OLD, NEW]}, [LOOSE]),
        ({"since": [PINNED]}, [LOOSE, NEW, OLD, PINNED]),  # it does not say when it was made
        ({"until": ["39s"]}, [NEW, OLD]),  # 61: by when they were named here
        ({"until": ["40s"]}, [OLD]),  # not those of the very moment
        ({"until": ["39s", "45"]}, [OLD]),
        ({"until": ["40"]}, []),
        ({"reference": ["app"]}, [NEW, OLD]),
        ({"reference": ["app:1"]}, [OLD]),
        ({"reference": ["*:2"]}, [NEW]),
        ({"reference": ["*"]}, [LOOSE, NEW, OLD, PINNED]),
        ({"reference": ["*/*/app"]}, [OLD]),
        ({"reference": ["*app:1"]}, [OLD]),
        ({"reference": ["[a"]}, []),
        ({"reference": ["nosuch", "app:2"]}, [NEW]),
    ],
)
def test_a_filter_shows_what_the_originals_shows(filters: Any, images: list[str]) -> None:
    status, answer = Engine().ask("GET", "/images/json", filters)
    assert (status, [each["Id"] for each in answer]) == (200, images)


def test_an_image_shows_only_its_names_that_a_filter_leaves() -> None:
    def names(filters: Any) -> list[str]:
        return list(Engine().ask("GET", "/images/json", filters)[1][0]["RepoTags"])

    assert names({"reference": ["app:*"], "label": ["role=web"]}) == ["app:1", "app:old"]
    assert names({"reference": ["*/*/app"]}) == ["registry:5000/team/app:1"]
    assert names({"until": ["45"]}) == ["app:1"]


def test_before_api_1_41_there_was_a_parameter_for_references() -> None:
    for version, images in (("1.40", [NEW]), ("1.41", [LOOSE, NEW, OLD, PINNED])):
        _, answer = Engine().ask("GET", f"/v{version}/images/json", more="filter=app:2")
        assert [each["Id"] for each in answer] == images


@pytest.mark.parametrize(
    ("filters", "status", "words"),
    [
        ({"nosuch": ["1"]}, 400, "invalid filter 'nosuch'"),
        ({"dangling": ["yes"]}, 400, "invalid filter 'dangling=[yes]'"),
        ({"until": ["soon"]}, 400, 'failed to parse value as time or duration: "soon"'),
        ({"before": ["nosuch"]}, 404, "No such image: nosuch"),
        ({"since": ["nosuch"]}, 404, "No such image: nosuch"),
        (
            {"label": ["k" * 100 + "=" + "v" * 4096]},
            400,
            "label key and value length (4196 bytes) greater than maximum size (4096 bytes), "
            f"key: {'k' * 64}: invalid argument",
        ),
    ],
)
def test_a_list_refuses_what_it_does_not_know(filters: Any, status: int, words: str) -> None:
    assert Engine().ask("GET", "/images/json", filters) == (status, {"message": words})


APP_1, APP_OLD, APP_2, TEAM = f"{HUB}/app:1", f"{HUB}/app:old", f"{HUB}/app:2", "registry:5000/team/app:1"
DANGLING, TOOL = f"moby-dangling@{LOOSE}", f"{HUB}/tool@{PINNED}"
EVERY = [APP_1, APP_OLD, TEAM, APP_2, DANGLING, TOOL]


@pytest.mark.parametrize(
    ("filters", "deleted"),
    [
        (None, [DANGLING]),
        ({"dangling": ["true"]}, [DANGLING]),
        ({"dangling": ["false"]}, EVERY),
        ({"label": ["role"]}, []),  # of those without a name
        ({"label!": ["role"]}, [DANGLING]),
        ({"dangling": ["0"], "label": ["role=web"]}, [APP_1, APP_OLD, TEAM]),
        ({"dangling": ["0"], "label!": ["keep"]}, [APP_1, APP_OLD, TEAM, DANGLING, TOOL]),
        ({"dangling": {"0": True}, "label!": {"keep": True, "role": True}}, [DANGLING, TOOL]),
        ({"dangling": ["0"], "until": ["55"]}, [APP_1, TEAM]),  # names of later times stay
        ({"dangling": ["0"], "until": ["40s"]}, [APP_1, TEAM]),
        ({"until": ["70"]}, []),
        ({"until": ["71"]}, [DANGLING]),
    ],
)
def test_a_prune_removes_only_what_was_asked_for(filters: Any, deleted: list[str]) -> None:
    engine = Engine()
    status, answer = engine.ask("POST", "/images/prune", filters)
    assert (status, engine.deleted) == (200, deleted)
    gone = sum(1 for each in some() if set(each.names) <= set(deleted))
    assert answer["SpaceReclaimed"] == 5 * gone
    assert (answer["ImagesDeleted"] is None) == (not deleted)
    assert len([each for each in answer["ImagesDeleted"] or () if "Deleted" in each]) == gone


@pytest.mark.parametrize(
    ("uses", "kept"),
    [
        ([ImageUse(image_id=OLD, container_id="c", reference="app:1")], [APP_1]),
        ([ImageUse(image_id=OLD, container_id="c", reference="registry:5000/team/app:1")], [TEAM]),
        ([ImageUse(image_id=OLD, container_id="c", reference=OLD[7:19])], [TEAM]),  # by id: one name stays
        ([ImageUse(image_id=OLD, container_id="c", reference="app:gone")], [TEAM]),
        ([ImageUse(image_id=NEW, container_id="c", reference=f"app:2@{NEW}")], [APP_2]),
        ([ImageUse(image_id=LOOSE, container_id="c", reference="app:2")], [DANGLING, APP_2]),
        ([ImageUse(image_id=PINNED, container_id="c", reference=f"tool@{PINNED}")], [TOOL]),
    ],
)
def test_a_prune_leaves_what_containers_use(uses: list[ImageUse], kept: list[str]) -> None:
    engine = Engine(uses=uses)
    engine.ask("POST", "/images/prune", {"dangling": ["false"]})
    assert sorted(engine.deleted) == sorted(set(EVERY) - set(kept))


@pytest.mark.parametrize(
    "filters",
    [
        *({"reference": ["app"]}, {"before": [NEW]}, {"all": ["1"]}, {"dangling": ["yes"]}, {"dangling": ["0", "1"]}),
        *({"dangling": ["0"], "until": ["soon"]}, {"label": ["k" * 5000]}),
    ],
)
def test_a_prune_with_a_filter_that_cannot_be_removes_nothing(filters: Any) -> None:
    engine = Engine()
    assert engine.ask("POST", "/images/prune", filters)[0] == 400
    assert not engine.deleted


def test_what_a_container_begins_to_use_meanwhile_stays() -> None:
    engine = Engine()
    engine.at_deletion = lambda _name: engine.uses.append(ImageUse(image_id=NEW, container_id="c", reference="app:2"))
    engine.ask("POST", "/images/prune", {"dangling": ["false"]})
    assert APP_2 not in engine.deleted
    assert APP_1 in engine.deleted


def test_what_somebody_else_removes_meanwhile_is_not_told() -> None:
    engine = Engine()

    def at_deletion(name: str) -> None:
        if name == APP_2:
            raise NotFound(f"image {name}: not found")

    engine.at_deletion = at_deletion
    status, answer = engine.ask("POST", "/images/prune", {"dangling": ["false"], "label": ["role"]})
    assert status == 200
    assert {"Deleted": OLD} in answer["ImagesDeleted"]
    assert {"Deleted": NEW} not in answer["ImagesDeleted"]


def test_a_second_prune_is_refused_while_the_first_runs() -> None:
    async def test() -> None:
        engine = Engine()
        engine.gate = asyncio.Event()
        first = asyncio.create_task(engine.asked("POST", "/images/prune"))
        await asyncio.sleep(0)
        second = await asyncio.wait_for(engine.asked("POST", "/images/prune"), 10.0)
        assert second == (409, {"message": "a prune operation is already running"})
        engine.gate.set()
        assert (await first)[0] == 200

    asyncio.run(test())

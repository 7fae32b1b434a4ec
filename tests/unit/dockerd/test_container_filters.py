"""Which containers a list shows and a prune removes: every filter has its effect, or is refused."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument, NotFound
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.filters import filters_from_document
from slipway.contracts.engine_api.mounts import MountPoint
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.dockerd.containers import prune as prune_module
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.list_containers import select
from slipway.dockerd.containers.model import ContainerRecord, ContainerState
from slipway.dockerd.containers.prune import prune
from slipway.dockerd.containers.registry import ContainerRegistry

SECOND = 1_000_000_000
IMAGE, CHILD, OTHER = ("sha256:" + digit * 64 for digit in "123")
NETWORK = "ab" * 32
PORTS = [
    {"container_port": 80, "protocol": "tcp", "host_address": "0.0.0.0", "host_port": 8080},
    {"container_port": 53, "protocol": "udp", "host_address": "0.0.0.0", "host_port": 5353},
]

ATOI, UINT, HUGE = "strconv.Atoi: parsing", "strconv.ParseUint: parsing", "9" * 20
STATES = "created, running, paused, restarting, removing, exited, dead"
HEALTHS = "none, starting, healthy, unhealthy"
IMPOSSIBLE = ({"name": ["x"]}, {"dangling": ["true"]}, {"until": ["soon"]}, {"until": ["1", "2"]})


def container(name: str, created: int, state: ContainerState, **record: Any) -> Container:
    identifier = {"web": "aa11", "xwebx": "aa22", "db": "bb33", "gone": "dd55"}.get(name, "cc44").ljust(64, "0")
    whole = ContainerRecord(id=identifier, name=name, created=created * SECOND, **record)
    return Container(whole, state, SimpleNamespace())


def some() -> list[Container]:
    """web, xwebx and db in this order of age; fresh is the newest."""
    return [
        container(
            "web",
            10,
            ContainerState(
                status=Status.RUNNING,
                started_at=1,
                endpoint={"network": "bridge", "ports": PORTS, "ipv4_address": "172.17.0.2"},
                network_id=NETWORK,
                health={"Status": "healthy"},
            ),
            image_id=IMAGE,
            config=ContainerConfig(image="base", labels={"role": "web", "keep": ""}, exposed_ports={"443/tcp": {}}),
            networks={"bridge": EndpointSettings()},
            mount_points=(
                MountPoint(type="bind", source="/srv/pages", destination="/pages"),
                MountPoint(type="volume", name="data", source="/volumes/data/_data", destination="/data"),
            ),
        ),
        container(
            "xwebx",
            20,
            ContainerState(status=Status.EXITED, exit_code=3, started_at=1, finished_at=2),
            image_id=CHILD,
            config=ContainerConfig(image="child", labels={"role": "db"}),
        ),
        container("db", 30, ContainerState(status=Status.RESTARTING, exit_code=3, started_at=1), image_id=OTHER),
        container("fresh", 40, ContainerState(status=Status.CREATED), image_id=OTHER),
    ]


class Images:
    """`base` has one child."""

    async def find_for_container(self, reference: str) -> Any:
        if reference not in ("base", IMAGE):
            raise NotFound(f"No such image: {reference}")
        return SimpleNamespace(content=SimpleNamespace(id=IMAGE))

    async def children(self, image_id: str) -> list[str]:
        return [CHILD] if image_id == IMAGE else []


def environment(containers: list[Container]) -> Any:
    registry = ContainerRegistry()
    for each in containers:
        registry.add(each)
    published: list[tuple[Any, ...]] = []
    clock = SimpleNamespace(now=lambda: 100 * SECOND, local_offset=lambda: 0)
    events = SimpleNamespace(publish=lambda *event: published.append(event))
    return SimpleNamespace(registry=registry, images=Images(), clock=clock, events=events, published=published)


def shown(filters: Mapping[str, Any], *, everything: bool = True, limit: int = -1) -> list[str]:
    asked = filters_from_document(filters)
    found = asyncio.run(select(environment(some()), everything=everything, limit=limit, filters=asked))
    return [each.name for each in found]


ALL = ["fresh", "db", "xwebx", "web"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ALL),
        ({"name": ["web"]}, ["xwebx", "web"]),
        ({"name": ["^web$"]}, ["web"]),
        ({"name": ["^/web$"]}, ["web"]),
        ({"name": ["^(web|db)$"]}, ["db", "web"]),
        ({"name": ["("]}, []),
        ({"id": ["aa11"]}, ["web"]),
        ({"id": ["aa"]}, []),  # of two: the original finds neither
        ({"id": ["aa11", "bb"]}, ["db", "web"]),
        ({"id": ["a11"]}, []),
        ({"id": ["aa11", "aa22"], "name": ["^web"]}, ["web"]),
        ({"label": ["role=web", "keep"]}, ["web"]),
        ({"label": {"role=web": True, "keep=no": True}}, []),
        ({"status": ["exited", "created"]}, ["fresh", "xwebx"]),
        ({"exited": ["3"]}, ["xwebx"]),  # what restarts has not exited
        ({"exited": ["0"]}, []),  # what was never started neither
        ({"health": ["healthy"]}, ["web"]),
        ({"health": ["none"]}, ["fresh", "db", "xwebx"]),
        ({"is-task": ["true"]}, []),
        ({"is-task": ["0"]}, ALL),
        ({"isolation": ["hyperv"]}, ALL),  # only Windows has any, as the original says
        ({"volume": ["data"]}, ["web"]),
        ({"volume": ["/pages"]}, ["web"]),
        ({"volume": ["/srv/pages"]}, ["web"]),
        ({"volume": ["/volumes/data/_data"]}, []),  # a volume goes by its name
        ({"network": ["bridge"]}, ["web"]),
        ({"network": [NETWORK[:6]]}, ["web"]),
        ({"network": ["nosuch"]}, []),
        ({"ancestor": ["base"]}, ["xwebx", "web"]),
        ({"ancestor": [IMAGE]}, ["xwebx", "web"]),
        ({"ancestor": ["nosuch"]}, []),
        ({"ancestor": ["nosuch", "base"]}, ["xwebx", "web"]),
        ({"publish": ["8080"]}, ["web"]),
        ({"publish": ["8080/udp"]}, []),
        ({"publish": ["80"]}, []),
        ({"publish": ["5000-6000/udp"]}, ["web"]),
        ({"expose": ["80"]}, ["web"]),
        ({"expose": ["53"]}, []),
        ({"expose": ["53/udp"]}, ["web"]),
        ({"expose": ["440-450"]}, ["web"]),
        ({"expose": ["1"], "publish": ["8080"]}, ["web"]),  # one of both is enough
        ({"before": ["db"]}, ["xwebx", "web"]),
        ({"since": ["xwebx"]}, ["fresh", "db"]),
        ({"before": ["fresh"], "since": ["web"]}, ["db", "xwebx"]),
    ],
)
def test_a_filter_shows_what_the_originals_shows(filters: dict[str, Any], names: list[str]) -> None:
    assert shown(filters) == names


def test_only_a_status_or_a_limit_shows_what_does_not_run() -> None:
    assert shown({}, everything=False) == ["db", "web"]
    assert shown({"status": ["exited"]}, everything=False) == ["xwebx"]
    assert shown({}, everything=False, limit=3) == ALL[:3]
    for filters in ({"exited": ["3"]}, {"before": ["db"], "name": ["xwebx", "db"]}):
        assert shown(filters, everything=False) == []
    assert shown({"since": ["web"]}, everything=False) == ["db"]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"nosuch": ["1"]}, "invalid filter 'nosuch'"),
        ({"label!": ["1"]}, "invalid filter 'label!'"),
        ({"exited": ["abc"]}, f"invalid filter 'exited=abc': {ATOI} \"abc\": invalid syntax"),
        ({"exited": [HUGE]}, f"invalid filter 'exited={HUGE}': {ATOI} \"{HUGE}\": value out of range"),
        ({"status": ["up"]}, f"invalid filter 'status=up': invalid value for state (up): must be one of {STATES}"),
        ({"health": ["ill"]}, f"invalid filter 'health=ill': invalid value for health (ill): must be one of {HEALTHS}"),
        ({"is-task": ["maybe"]}, "invalid filter 'is-task=[maybe]'"),
        ({"publish": ["80:80"]}, "filter for 'publish' should not contain ':': 80:80"),
        ({"publish": [""]}, "error while looking up for publish : empty string specified for ports"),
        ({"expose": ["http"]}, f'error while looking up for expose http: {UINT} "http": invalid syntax'),
        ({"expose": ["70000"]}, f'error while looking up for expose 70000: {UINT} "70000": value out of range'),
        ({"expose": ["9-8"]}, "error while looking up for expose 9-8: invalid range specified for port: 9-8"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_the_originals_words(filters: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        shown(filters)
    assert raised.value.message == words


@pytest.mark.parametrize("name", ["before", "since"])
def test_a_container_that_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(NotFound) as raised:
        shown({name: ["nosuch"]})
    assert raised.value.message == "No such container: nosuch"


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what prune removes; `xwebx` of them is gone by itself."""
    names: list[str] = []

    async def remove(_environment: Any, container: Container, **_: Any) -> None:
        if container.name == "gone":
            raise FailedPrecondition("it was started")
        names.append(container.name)

    async def sizes(_environment: Any, _container: Container) -> dict[str, int]:
        return {"SizeRw": 7}

    monkeypatch.setattr(prune_module, "remove", remove)
    monkeypatch.setattr(prune_module, "sizes", sizes)
    return names


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["xwebx", "fresh"]),
        ({"until": ["80s"]}, ["xwebx"]),  # it is made at that very moment
        ({"until": ["81s"]}, []),
        ({"until": ["30"]}, ["xwebx"]),
        ({"label": ["role"]}, ["xwebx"]),
        ({"label!": ["role"]}, ["fresh"]),
        ({"label!": ["role=db", "keep"]}, ["xwebx", "fresh"]),
        ({"label!": {"role=db": True}}, ["fresh"]),
        ({"label": ["role"], "label!": ["role=db"]}, []),
    ],
)
def test_a_prune_removes_only_what_was_asked_for(filters: dict[str, Any], names: list[str], removed: list[str]) -> None:
    there = environment(some())
    answer = asyncio.run(prune(there, filters_from_document(filters)))
    assert removed == names
    assert len(answer["ContainersDeleted"] or ()) == len(names)
    assert answer["SpaceReclaimed"] == 7 * len(names)
    assert there.published == [("container", "prune", "", {"reclaimed": str(7 * len(names))})]


@pytest.mark.parametrize("filters", IMPOSSIBLE)
def test_a_prune_with_a_filter_that_cannot_be_removes_nothing(filters: dict[str, Any], removed: list[str]) -> None:
    with pytest.raises(EngineError) as raised:
        asyncio.run(prune(environment(some()), filters_from_document(filters)))
    assert raised.value.kind == "invalid_argument"
    assert not removed


def test_what_is_started_meanwhile_is_not_told_as_removed(removed: list[str]) -> None:
    there = environment([*some(), container("gone", 50, ContainerState(status=Status.EXITED))])
    answer = asyncio.run(prune(there, filters_from_document({})))
    assert removed == ["xwebx", "fresh"]
    assert len(answer["ContainersDeleted"]) == 2

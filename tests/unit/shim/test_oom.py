"""Kills for want of memory are told once each time they are seen, also when they happened while nobody looked."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.contracts.shim_api import events
from slipway.contracts.shim_api.options import Options
from slipway.shim.model import Container
from slipway.shim.oom import watch_memory

FILES = {"": "memory.events", "memory": "memory.oom_control"}


@pytest.fixture(params=FILES, ids=["v2", "v1"])
def kind(request: pytest.FixtureRequest) -> str:
    """What a container's cgroups name the hierarchy that counts."""
    return str(request.param)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Any]:
    """A shim that notes what it publishes, and whose events a test triggers; the cgroup is `tmp_path`."""
    (tmp_path / "cgroup.event_control").touch()
    shim = SimpleNamespace(told=[], changed=[], eventfds=[])
    shim.publisher = SimpleNamespace(publish=shim.told.append)
    shim.streams = SimpleNamespace(
        events=SimpleNamespace(watch=lambda _path, _mask, callback: shim.changed.append(callback))
    )

    def watch(descriptor: int, _events: int, callback: Any) -> None:
        shim.eventfds.append(descriptor)
        shim.changed.append(callback)

    shim.loop = SimpleNamespace(watch=watch, unwatch=shim.eventfds.remove)
    yield shim
    for descriptor in shim.eventfds:
        os.close(descriptor)


def container_in(cgroup: Path, kind: str, *, kills_told: int = 0) -> Container:
    nothing: Any = None
    container = Container("box", "/", nothing, nothing, "", (0, 0), Options())
    container.cgroups = {kind: str(cgroup)}
    container.memory_kills_told = kills_told
    return container


def watched(shim: Any, cgroup: Path, kind: str) -> Container:
    """A container without a kill so far, watched by `shim`."""
    write_kills(cgroup, kind, 0)
    container = container_in(cgroup, kind)
    watch_memory(shim, container)
    return container


def write_kills(cgroup: Path, kind: str, kills: int) -> None:
    (cgroup / FILES[kind]).write_text(f"low 0\nhigh 0\nmax 3\nunder_oom 0\noom_kill {kills}\n")


@pytest.mark.parametrize(("told", "there", "events_at_once"), [(0, 0, 0), (0, 1, 1), (1, 1, 0), (1, 3, 1)])
def test_a_kill_before_we_watched_is_told(
    watching: Any, tmp_path: Path, kind: str, told: int, there: int, events_at_once: int
) -> None:
    """Between the start and the first look; between the forerunner's last look and the heir's first."""
    write_kills(tmp_path, kind, there)
    container = container_in(tmp_path, kind, kills_told=told)
    watch_memory(watching, container)
    assert [type(event) for event in watching.told] == [events.TaskOOM] * events_at_once
    assert container.memory_kills_told == there


def test_each_later_kill_is_told_once(watching: Any, tmp_path: Path, kind: str) -> None:
    container = watched(watching, tmp_path, kind)
    write_kills(tmp_path, kind, 1)
    (changed,) = watching.changed
    changed(0)
    changed(0)
    assert container.memory is not None
    container.memory.look()
    assert len(watching.told) == 1


def test_an_event_of_v1_and_the_count_of_the_same_kill_are_one(watching: Any, tmp_path: Path) -> None:
    """The kernel tells of it before it kills."""
    container = watched(watching, tmp_path, "memory")
    (changed,), (eventfd,) = watching.changed, watching.eventfds
    os.eventfd_write(eventfd, 1)
    changed(0)
    write_kills(tmp_path, "memory", 1)
    assert container.memory is not None
    container.memory.look()
    assert len(watching.told) == 1
    write_kills(tmp_path, "memory", 2)
    container.memory.look()
    assert len(watching.told) == 2


def test_a_removed_cgroup_of_v1_is_watched_no_longer(watching: Any, tmp_path: Path) -> None:
    watched(watching, tmp_path, "memory")
    (tmp_path / "memory.oom_control").unlink()
    (changed,), (eventfd,) = watching.changed, watching.eventfds
    os.eventfd_write(eventfd, 1)
    changed(0)
    assert (watching.told, watching.eventfds) == ([], [])

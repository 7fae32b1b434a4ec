"""Kills for want of memory are told once each time they are seen, also when they happened while nobody looked (v2)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.contracts.shim_api import events
from slipway.contracts.shim_api.options import Options
from slipway.shim.model import Container
from slipway.shim.oom import watch_memory


@pytest.fixture
def watching(tmp_path: Path) -> Any:
    """A shim that notes what it publishes, and whose file events a test triggers."""
    shim = SimpleNamespace(told=[], changed=[])
    shim.publisher = SimpleNamespace(publish=shim.told.append)
    shim.streams = SimpleNamespace(
        events=SimpleNamespace(watch=lambda _path, _mask, callback: shim.changed.append(callback))
    )
    return shim


def container_in(cgroup: Path, *, kills_told: int = 0) -> Container:
    nothing: Any = None
    container = Container("box", "/", nothing, nothing, "", (0, 0), Options())
    container.cgroups = {"": str(cgroup)}
    container.memory_kills_told = kills_told
    return container


def write_kills(cgroup: Path, kills: int) -> None:
    (cgroup / "memory.events").write_text(f"low 0\nhigh 0\nmax 3\noom 2\noom_kill {kills}\n")


@pytest.mark.parametrize(("told", "there", "events_at_once"), [(0, 0, 0), (0, 1, 1), (1, 1, 0), (1, 3, 1)])
def test_a_kill_before_we_watched_is_told(
    watching: Any, tmp_path: Path, told: int, there: int, events_at_once: int
) -> None:
    """Between the start and the first look; between the forerunner's last look and the heir's first."""
    write_kills(tmp_path, there)
    container = container_in(tmp_path, kills_told=told)
    watch_memory(watching, container)
    assert [type(event) for event in watching.told] == [events.TaskOOM] * events_at_once
    assert container.memory_kills_told == there


def test_each_later_kill_is_told_once(watching: Any, tmp_path: Path) -> None:
    write_kills(tmp_path, 0)
    container = container_in(tmp_path)
    watch_memory(watching, container)
    write_kills(tmp_path, 1)
    (changed,) = watching.changed
    changed(0)
    changed(0)
    assert container.memory is not None
    container.memory.look()
    assert len(watching.told) == 1

"""Parts of containerd on a temporary folder, without its sockets."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf.message import Message

from slipway.base.clock import Clock
from slipway.containerd.content.store import FileContentStore
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.model import Scope
from slipway.database.sqlite import SqliteDatabase


class SteppingClock(Clock):
    """Every look at it is one second later than the one before."""

    def __init__(self) -> None:
        self.seconds = 1_000

    def now(self) -> int:
        self.seconds += 1
        return self.seconds * 1_000_000_000


@dataclass
class RecordedEvents:
    """Keeps what is published."""

    topics: list[tuple[str, str]] = field(default_factory=list)

    def publish(self, namespace: str, topic: str, event: Message) -> None:
        self.topics.append((namespace, topic))


@pytest.fixture
def scope() -> Scope:
    return Scope("default")


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def events() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    schema = resources.files("slipway.containerd.metadata").joinpath("schema.sql").read_text()
    opened = SqliteDatabase(os.fspath(tmp_path / "metadata.db"), schema)
    yield opened
    opened.close()


@pytest.fixture
def leases(database: SqliteDatabase, clock: SteppingClock) -> LeaseStore:
    return LeaseStore(database, clock)


@pytest.fixture
def reopen(
    tmp_path: Path, database: SqliteDatabase, leases: LeaseStore, events: RecordedEvents, clock: SteppingClock
) -> Callable[..., FileContentStore]:
    """Open the content store, as a daemon does at its start."""
    return partial(FileContentStore, os.fspath(tmp_path / "content"), database, leases, events, clock)


@pytest.fixture
def content(reopen: Callable[[], FileContentStore]) -> FileContentStore:
    return reopen()

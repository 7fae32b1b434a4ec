"""The database: one writer, savepoints for each change, nothing lost on close."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.errors import NotFound, Unavailable
from slipway.database.sqlite import SqliteDatabase

SCHEMA = "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, v TEXT NOT NULL)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = SqliteDatabase(str(tmp_path / "t.db"), SCHEMA)
    yield opened
    opened.close()


def put(key: int, value: str) -> object:
    return lambda connection: connection.execute("INSERT INTO t VALUES (?, ?)", (key, value))


def values(database: SqliteDatabase) -> list[str]:
    return database.read(lambda c: [row["v"] for row in c.execute("SELECT v FROM t ORDER BY k")])


def test_what_was_written_is_read_at_once(database: SqliteDatabase) -> None:
    database.write(put(1, "a"))  # type: ignore[arg-type]
    assert values(database) == ["a"]


def test_a_change_that_raises_is_undone_and_its_neighbours_stay(database: SqliteDatabase) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (2, 'half')")
        raise NotFound("no such thing")

    held, go = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        held.set()
        go.wait(5)

    results: list[object] = []

    def run(change: object) -> None:
        try:
            results.append(database.write(change))  # type: ignore[arg-type]
        except NotFound as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(change,)) for change in (hold, put(1, "a"), half, put(3, "c"))]
    threads[0].start()
    assert held.wait(5)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert values(database) == ["a", "c"]
    assert sum(isinstance(result, NotFound) for result in results) == 1


def test_readers_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.read(lambda connection: connection.execute("INSERT INTO t VALUES (1, 'a')"))


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_only_durable_changes_wait_for_the_disk(database: SqliteDatabase, durable: bool, level: int) -> None:
    (found,) = database.write(lambda c: c.execute("PRAGMA synchronous").fetchone(), durable=durable)
    assert found == level


def test_close_writes_what_is_queued_and_refuses_what_follows(tmp_path: Path) -> None:
    database = SqliteDatabase(str(tmp_path / "t.db"), SCHEMA)
    threads = [threading.Thread(target=database.write, args=(put(k, str(k)),)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    with pytest.raises(Unavailable):
        database.write(put(99, "late"))  # type: ignore[arg-type]
    again = SqliteDatabase(str(tmp_path / "t.db"), SCHEMA)
    assert len(values(again)) == 20
    again.close()


def test_a_file_that_is_no_database_is_one_sentence_and_is_closed(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_bytes(b"this is not a database, not at all, not in the least" * 100)
    with pytest.raises(Unavailable, match=r"open database .*t\.db") as refusal:
        SqliteDatabase(str(tmp_path / "t.db"), SCHEMA)
    assert refusal.traceback, "what it holds on to is still there"
    assert str(tmp_path / "t.db") not in {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}

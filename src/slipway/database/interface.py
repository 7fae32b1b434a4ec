"""What stores ask of the database."""

import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Database(Protocol):
    """One SQLite file. What blocks is for threads, but for the reading of a row by its key.

    Rows come as sqlite3.Row. `change` runs on the writer thread inside a transaction that it may share with other
    changes, behind a savepoint of its own: when it raises, its own statements are undone and the caller gets the error.
    """

    def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """What has been committed; waits for no writer. One row by its key is read in 15 µs, which an event loop may do
        itself: a thread would take eight times as long, and perhaps a turn behind an unpacking. A search is for
        threads."""
        ...

    def write(self, change: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result:
        """Returns after the commit. `durable`: after the disk has it (a power cut cannot take it back); without it a
        crash of this process loses nothing, a power cut perhaps the last changes, and never the order of them."""
        ...

"""What stores ask of the database."""

import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Database(Protocol):
    """One SQLite file. The `_soon` twins are for the event loop, the others block and are for threads.

    Rows come as sqlite3.Row. `change` runs on the writer thread inside a transaction that it may share with other
    changes, behind a savepoint of its own: when it raises, its own statements are undone and the caller gets the error.
    """

    def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result: ...

    def write(self, change: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result:
        """Returns after the commit. `durable`: after the disk has it (a power cut cannot take it back); without it a
        crash of this process loses nothing, a power cut perhaps the last changes, and never the order of them."""
        ...

    async def read_soon(self, query: Callable[[sqlite3.Connection], Result]) -> Result: ...

    async def write_soon(self, change: Callable[[sqlite3.Connection], Result], *, durable: bool = False) -> Result: ...

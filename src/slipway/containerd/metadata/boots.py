"""Which boot of the machine wrote last: what was not on disk by the end of it may be lost, in part or as a whole."""

import sqlite3

from slipway.database.interface import Database


def has_stopped_since(database: Database, boot: str) -> bool:
    """Whether the machine stopped since `record_boot` was called; a new folder's did not."""

    def read(connection: sqlite3.Connection) -> str:
        row = connection.execute("SELECT boot FROM boots").fetchone()
        return boot if row is None else str(row["boot"])

    return database.read(read) != boot


def record_boot(database: Database, boot: str) -> None:
    """From now on what is written is this boot's; to be called when what the last one lost is known."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM boots")
        connection.execute("INSERT INTO boots VALUES (?)", (boot,))

    database.write(write, durable=True)

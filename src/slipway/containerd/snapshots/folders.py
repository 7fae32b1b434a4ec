"""The directories of one snapshotter: <root>/snapshots/ID, made under a name of their own first."""

import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from slipway.archive.remove import remove_name

_MAKING = "new-"
_REMOVING = "removing-"


class Folders:
    """Directories by id. One object per root and process: what is being made is in its memory."""

    def __init__(self, root: str) -> None:
        self.path = f"{root}/snapshots"
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        self._making: set[str] = set()
        self._lock = threading.Lock()

    def of(self, snapshot: int) -> str:
        return f"{self.path}/{snapshot}"

    @contextmanager
    def new(self) -> Iterator[str]:
        """An empty directory to fill and to `place`; gone afterwards if it was not placed."""
        name = f"{_MAKING}{secrets.token_hex(8)}"
        with self._lock:
            self._making.add(name)
        try:
            os.mkdir(f"{self.path}/{name}", 0o700)
            yield f"{self.path}/{name}"
        finally:
            self._remove_if_present(name)
            with self._lock:
                self._making.discard(name)

    def place(self, made: str, snapshot: int) -> None:
        """Give a new directory its id. What a crash left under that id, its row rolled back, is set aside."""
        try:
            os.rename(made, self.of(snapshot))
        except OSError:
            self._set_aside(str(snapshot))
            os.rename(made, self.of(snapshot))

    def replace(self, made: str, snapshot: int) -> None:
        """Give a new directory the id of one that is set aside for it. A crash in between leaves the id without one."""
        with suppress(FileNotFoundError):
            self._set_aside(str(snapshot))
        os.rename(made, self.of(snapshot))

    def unknown(self, known: set[str]) -> set[str]:
        """The names of the directories that are neither known nor being made."""
        there = os.listdir(self.path)
        with self._lock:
            busy = set(self._making)  # taken after the look: all that was being made then is in it, or gone
        return {name for name in there if name not in known | busy and not name.startswith(_REMOVING)}

    def set_aside(self, names: Iterable[str]) -> None:
        """Rename directories, so that `remove_set_aside` can take its time.

        To be called where no row can come or go meanwhile.
        """
        for name in names:
            with suppress(FileNotFoundError):  # it was given up meanwhile
                self._set_aside(name)

    def remove_set_aside(self) -> None:
        for name in os.listdir(self.path):
            if name.startswith(_REMOVING):
                self._remove_if_present(name)

    def _set_aside(self, name: str) -> None:
        aside = f"{_REMOVING}{secrets.token_hex(8)}"
        os.rename(f"{self.path}/{name}", f"{self.path}/{aside}")

    def _remove_if_present(self, name: str) -> None:
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            remove_name(directory, os.fsencode(name))
        except FileNotFoundError:
            return
        finally:
            os.close(directory)

"""How one thread ends what another waits for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interruption:
    """Made by whoever may lose interest in some work, given to who does it. Happens once, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._happened = False
        self._ends: list[Callable[[], object]] = []

    @property
    def happened(self) -> bool:
        return self._happened

    def happen(self) -> None:
        """Call what is registered now, and at once what will be registered later."""
        with self._lock:
            self._happened = True
            for end in self._ends:
                end()

    @contextmanager
    def ending(self, end: Callable[[], object]) -> Iterator[None]:
        """While the block lasts, `end` is what the interruption does: something short that makes the block's waits end.

        It does not happen any more when the block has been left.
        """
        with self._lock:
            self._ends.append(end)
            if self._happened:
                end()
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)

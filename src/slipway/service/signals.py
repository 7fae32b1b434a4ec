"""How the world tells a daemon to stop, to read its configuration again, or to show where it is."""

import asyncio
import faulthandler
import logging
import os
import signal
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
FORCED_STOPS: Final = 3  # as dockerd: the third signal does not wait for a clean end any more


class Signals:
    """The signals of one daemon, delivered on its event loop.

    SIGTERM and SIGINT set `stop`; the third of them ends the process at once with status 128 + the signal's number.
    SIGHUP calls `on_reload`; SIGUSR1 writes the stacks of all threads to `stacks_path`, or to standard error without
    one, or calls `on_stacks` instead.
    """

    def __init__(
        self,
        *,
        on_reload: Callable[[], None] | None = None,
        stacks_path: str = "",
        on_stacks: Callable[[], None] | None = None,
    ) -> None:
        self.stop = asyncio.Event()
        self.received = 0
        self._on_reload = on_reload
        self._stacks_path = stacks_path
        self._on_stacks = on_stacks

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the signals over. To be called on the main thread; SIGPIPE stays ignored as Python has it."""
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self._on_stacks or self._write_stacks)

    async def wait_stop(self) -> None:
        """Returns when the daemon is asked to end."""
        await self.stop.wait()

    def _stop(self, number: signal.Signals) -> None:
        self.received += 1
        if self.received >= FORCED_STOPS:
            os._exit(128 + number)
        log.info("stopping", extra={"fields": {"signal": number.name}})
        self.stop.set()

    def _reload(self) -> None:
        if self._on_reload is not None:
            self._on_reload()

    def _write_stacks(self) -> None:
        if not self._stacks_path:
            faulthandler.dump_traceback(all_threads=True)
            return
        with open(self._stacks_path, "w", opener=_private) as file:
            faulthandler.dump_traceback(file, all_threads=True)
        log.info("wrote the stacks of all threads", extra={"fields": {"path": self._stacks_path}})


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

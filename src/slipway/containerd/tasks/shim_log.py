"""What a shim of another maker says: it writes its log to a fifo in its bundle, and refuses to start without one.

Source: containerd pkg/shim/shim_unix.go (openLog), core/runtime/v2/shim.go (openShimLog).
"""

import asyncio
import contextlib
import logging
import os
from typing import Final

from slipway.clients.shim.names import is_our_shim
from slipway.containerd.tasks.bundle import Bundle

log = logging.getLogger(__name__)

_CHUNK: Final = 64 * 1024


class ShimLogs:
    """The logs that are read, one per bundle. Our own shim has none, and costs nothing here."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def open(self, bundle: Bundle, runtime: str) -> None:
        """Make the fifo where it is missing, and pass on what comes through it until `close`. Raises OSError."""
        if is_our_shim(runtime):
            return
        path = f"{bundle.path}/log"
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o700)
        # For writing too: a fifo without a writer would be at its end, and readable for ever (fifo(7)).
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._open[bundle.path] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, _pass_on, descriptor, bundle.id)

    def close(self, bundle: Bundle) -> None:
        """Stop reading; where nothing is read this does nothing."""
        self._close(self._open.pop(bundle.path, -1))

    def close_all(self) -> None:
        while self._open:
            self._close(self._open.popitem()[1])

    def _close(self, descriptor: int) -> None:
        if descriptor >= 0:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)


def _pass_on(descriptor: int, container_id: str) -> None:
    with contextlib.suppress(BlockingIOError):
        for line in os.read(descriptor, _CHUNK).decode("utf-8", "replace").splitlines():
            log.info("shim: %s", line, extra={"fields": {"id": container_id}})

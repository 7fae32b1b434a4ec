"""A container's terminal: the runtime makes it and sends us the master's descriptor over a socket.

Source: opencontainers/runc docs/terminals.md.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from slipway.base.errors import EngineError
from slipway.linux.descriptors import receive_descriptor
from slipway.transport.plain.loop import READABLE, Loop
from slipway.transport.plain.stream import accept_from, listen_unix


class ConsoleSocket:
    """Where the runtime connects. `path` must be short (107 bytes) and in a folder closed to others."""

    __slots__ = ("_listener", "_loop", "path")

    def __init__(self, loop: Loop, path: str) -> None:
        self._loop = loop
        self.path = path
        self._listener = listen_unix(path)

    async def receive(self) -> int:
        """The master's descriptor, after the runtime has ended well. Raises EngineError when none was sent."""
        connection = accept_from(self._listener)
        if connection < 0:
            raise EngineError("receive the console: the runtime did not connect to the console socket")
        try:
            os.set_blocking(connection, False)
            await self._loop.ready(connection, READABLE)
            master = receive_descriptor(connection)
        finally:
            os.close(connection)
        if master < 0:
            raise EngineError("receive the console: the runtime sent no descriptor")
        return master

    def close(self) -> None:
        os.close(self._listener)
        os.unlink(self.path)


def resize(master: int, width: int, height: int) -> None:
    """Set the terminal's size in characters; its foreground processes get SIGWINCH."""
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

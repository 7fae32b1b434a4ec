"""Stream sockets on the plain loop: listening, connecting, and sending without ever blocking.

`_socket` is the C part of `socket`, which would bring enum and selectors.
"""

from __future__ import annotations

import _socket
import errno
import os
import struct

from slipway.transport.plain.loop import READABLE, WRITABLE, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 64 * 1024
_LONGEST_PATH = 107  # sun_path holds 108 bytes with the final NUL (unix(7))
_PEER_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid


class Connection:
    """One connected stream socket, owned: `close` closes the descriptor. `on_close` is called once, at either's end."""

    __slots__ = ("_descriptor", "_loop", "_on_close", "_on_data", "_unsent", "_waits_to_send")

    def __init__(
        self, loop: Loop, descriptor: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> None:
        os.set_blocking(descriptor, False)
        self._loop = loop
        self._descriptor = descriptor
        self._on_data = on_data
        self._on_close = on_close
        self._unsent = b""
        self._waits_to_send = False
        loop.watch(descriptor, READABLE, self._happened)

    @property
    def descriptor(self) -> int:
        """-1 when it is closed."""
        return self._descriptor

    @property
    def has_sent_all(self) -> bool:
        return not self._unsent

    def send(self, data: bytes) -> None:
        """Send now what the kernel takes, and the rest when it can. On a lost connection, do nothing."""
        if self._descriptor < 0:
            return
        if self._unsent:
            self._unsent += data
            return
        self._unsent = data
        self._flush()

    def close(self) -> None:
        if self._descriptor >= 0:
            self._loop.unwatch(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._on_close()

    def _flush(self) -> None:
        try:
            written = os.write(self._descriptor, self._unsent)
        except BlockingIOError:
            written = 0
        except OSError:
            self.close()
            return
        waiting, self._unsent = self._waits_to_send, self._unsent[written:]
        self._waits_to_send = bool(self._unsent)
        if self._waits_to_send != waiting:
            events = READABLE | WRITABLE if self._waits_to_send else READABLE
            self._loop.watch(self._descriptor, events, self._happened)

    def _happened(self, events: int) -> None:
        if events & WRITABLE and self._unsent:
            self._flush()
        if events & READABLE and self._descriptor >= 0:
            self._receive()

    def _receive(self) -> None:
        try:
            data = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._on_data(data)
        else:
            self.close()


def listen_unix(path: str, *, mode: int = 0o600) -> int:
    """A listening unix stream socket at `path`, not blocking; nobody but its owner can ever connect (umask).

    Raises OSError; ENAMETOOLONG when the path has more than 107 bytes.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, f"a unix socket's path has at most {_LONGEST_PATH} bytes", path)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
    mask = os.umask(0o777 & ~mode)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(128)
    return listener.detach()


def accept_from(listener: int) -> int:
    """The descriptor of the next connection to a listening socket whose peer runs as root or as we do; -1 for none.

    Others are hung up on: the path is closed to them anyway, this is the second door.
    """
    listening = _socket.socket(fileno=listener)
    try:
        descriptor: int = listening._accept()[0]  # type: ignore[attr-defined] # what socket.accept wraps
    except (BlockingIOError, ConnectionAbortedError):
        return -1
    finally:
        listening.detach()
    os.set_inheritable(descriptor, False)
    if peer_user(descriptor) not in (0, os.geteuid()):
        os.close(descriptor)
        return -1
    return descriptor


def peer_user(descriptor: int) -> int:
    """The user id of the process that connected to us, as of that moment (SO_PEERCRED)."""
    connection = _socket.socket(fileno=descriptor)
    try:
        credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    finally:
        connection.detach()
    _pid, user, _group = _PEER_CREDENTIALS.unpack(credentials)
    return int(user)


def connect_unix(path: str) -> int:
    """A connected unix stream socket. Raises OSError: ECONNREFUSED or ENOENT when nobody listens.

    Connecting to a local socket does not block while its backlog has room; EAGAIN says that it has not.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection.detach()

"""One blocking HTTP/1.1 connection, with streaming bodies and the hijack (Upgrade) that attach and exec use.

Built on `_socket`, the C part of `socket`: the Python part imports selectors and enum, which costs each client start
4 ms.
"""

import _socket

from slipway.base.errors import InternalError, Unavailable
from slipway.wire.http1 import (
    MAXIMUM_HEAD,
    BodyDecoder,
    ResponseHead,
    encode_chunk,
    encode_request_head,
    parse_response_head,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Socket(Protocol):
        """What `_socket.socket` and `ssl.SSLSocket` have in common, and all that is used here."""

        def recv(self, size: int, /) -> bytes: ...
        def sendall(self, data: bytes, /) -> None: ...
        def shutdown(self, how: int, /) -> None: ...
        def fileno(self) -> int: ...
        def close(self) -> None: ...


_RECEIVE_SIZE = 64 * 1024


class Connection:
    """A connected socket that carries one request after another, never two at once. Methods raise Unavailable when
    it breaks.
    """

    __slots__ = ("_socket", "is_reusable")

    def __init__(self, socket: "Socket") -> None:
        self._socket = socket
        self.is_reusable = True

    def send(
        self,
        method: str,
        target: str,
        headers: "Iterable[tuple[str, str]]",
        body: "bytes | Iterable[bytes]" = b"",
    ) -> None:
        """Send a request. A `bytes` body is announced by the caller; any other iterable goes out in chunks as it comes,
        until the other side has heard enough.
        """
        head = encode_request_head(method, target, headers)
        if isinstance(body, bytes):
            self._send(head + body)
            return
        self._send(head)
        try:
            for piece in body:
                if piece:
                    self._send(encode_chunk(piece))
            self._send(encode_chunk(b""))
        except Unavailable:
            self.is_reusable = False  # the other side has answered without waiting for the rest: `receive` tells what

    def receive(self, *, is_head_request: bool = False) -> "Response":
        """Wait for the response's head. The body is read from the Response, to its end before the next request."""
        buffer = bytearray()
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            if len(buffer) > MAXIMUM_HEAD:
                raise InternalError("the HTTP response head is larger than 64 KiB")
            data = self.receive_some()
            if not data:
                raise Unavailable("EOF" if not buffer else "unexpected EOF")
            buffer += data
        head = parse_response_head(bytes(buffer[:end]))
        if head.status < 200 and head.status != 101:
            raise InternalError(f"unexpected HTTP status {head.status}")
        if head.headers.get("connection", "").lower() == "close":
            self.is_reusable = False
        return Response(self, head, bytes(buffer[end + 4 :]), is_head_request=is_head_request)

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For poll(): readable when the other side has sent something."""
        return self._socket.fileno()

    def send_some(self, data: "bytes | memoryview") -> int:
        """Send as much as fits without waiting; how much that was. Over TLS, which cannot say, all of it."""
        if not isinstance(self._socket, _socket.socket):
            self._send(bytes(data))
            return len(data)
        try:
            return self._socket.send(data, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Unavailable(f"write: {error.strerror or error}") from error

    def close_writing(self) -> None:
        """Half-close: the other side reads an end, and can still answer. A socket that is gone already is no error."""
        try:
            if hasattr(self._socket, "unwrap"):
                from slipway.transport.plain.http_tls import close_writing

                close_writing(self._socket)
            else:
                self._socket.shutdown(_socket.SHUT_WR)
        except OSError:
            return

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Unavailable(f"write: {error.strerror or error}") from error

    def receive_some(self) -> bytes:
        try:
            return self._socket.recv(_RECEIVE_SIZE)
        except OSError as error:
            raise Unavailable(f"read: {error.strerror or error}") from error


class Response:
    """A response whose body arrives piece by piece.

    `is_hijacked` is true after 101 (or 200 to an Upgrade that an old daemon ignores): then the connection is a plain
    stream.
    """

    __slots__ = ("_buffered", "_decoder", "connection", "headers", "is_hijacked", "status")

    def __init__(self, connection: Connection, head: ResponseHead, buffered: bytes, *, is_head_request: bool) -> None:
        self.connection = connection
        self._decoder = BodyDecoder(head, has_body=not is_head_request and head.status not in (204, 304))
        self._buffered = buffered
        self.status = head.status
        self.headers = head.headers
        self.is_hijacked = head.status == 101

    @property
    def is_complete(self) -> bool:
        return self._decoder.is_complete

    @property
    def has_buffered(self) -> bool:
        """Bytes came along with the head: read() before you poll."""
        return bool(self._buffered)

    def fileno(self) -> int:
        return self.connection.fileno()

    def read(self) -> bytes:
        """The next piece of the body, waiting at most once for the socket; b"" only at the end.

        Where a piece of framing arrives alone, waits for what follows it.
        """
        while not self._decoder.is_complete:
            piece = self.read_once()
            if piece:
                return piece
        return b""

    def read_once(self) -> bytes:
        """One receive. May be b"" although the body has not ended (`is_complete` tells): for callers that poll."""
        data, self._buffered = self._buffered, b""
        if not data:
            data = self.connection.receive_some()
            if not data:
                self.connection.is_reusable = False
                self._decoder.close()
                return b""
        return self._decoder.feed(data)

    def read_all(self) -> bytes:
        """The whole (rest of the) body."""
        pieces = []
        while piece := self.read():
            pieces.append(piece)
        return b"".join(pieces)

    def write_some(self, data: "bytes | memoryview") -> int:
        """Send on a hijacked connection what fits without waiting; how much that was. Raises Unavailable."""
        return self.connection.send_some(data)

    def close_writing(self) -> None:
        self.connection.close_writing()

    def close(self) -> None:
        """Give the connection up, whatever is still to come."""
        self.connection.is_reusable = False
        self.connection.close()

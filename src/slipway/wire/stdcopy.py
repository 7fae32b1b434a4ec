"""Docker's multiplexed stream: frames of stdout and stderr on one connection (Engine API, "Attach to a container").

A frame is eight bytes, [stream, 0, 0, 0, length as 32-bit big endian], then `length` bytes.
"""

from slipway.base.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN, STDOUT, STDERR, SYSTEM_ERROR = 0, 1, 2, 3
HEADER_LENGTH = 8


def encode_frame_header(stream: int, length: int) -> bytes:
    """The eight bytes in front of `length` bytes of `stream`."""
    return bytes((stream, 0, 0, 0)) + length.to_bytes(4, "big")


class Demultiplexer:
    """Feed it what arrives; it yields (stream, bytes) without waiting for a frame to be whole, so that nothing is
    held back.

    SYSTEM_ERROR frames are the daemon's own message: they come out whole, one per frame.
    """

    __slots__ = ("_header", "_left", "_message", "_stream")

    def __init__(self) -> None:
        self._header = b""
        self._left = 0
        self._stream = STDOUT
        self._message = b""

    def feed(self, data: bytes) -> "Iterator[tuple[int, bytes]]":
        """Raises InternalError at an unknown stream number: the stream is then not multiplexed, or damaged."""
        position = 0
        while position < len(data):
            if not self._left:
                position = self._take_header(data, position)
                continue
            piece = data[position : position + self._left]
            position += len(piece)
            self._left -= len(piece)
            if self._stream != SYSTEM_ERROR:
                yield self._stream, piece
                continue
            self._message += piece
            if not self._left:
                yield SYSTEM_ERROR, self._message
                self._message = b""

    def _take_header(self, data: bytes, position: int) -> int:
        needed = HEADER_LENGTH - len(self._header)
        self._header += data[position : position + needed]
        if len(self._header) == HEADER_LENGTH:
            self._stream = self._header[0]
            self._left = int.from_bytes(self._header[4:], "big")
            if self._stream > SYSTEM_ERROR:
                raise InternalError(f"Unrecognized input header: {self._stream}")
            self._header = b""
        return position + needed

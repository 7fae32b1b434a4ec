"""HTTP/1.1 as a client speaks it, without I/O: request heads out, response heads and bodies in (RFC 9112).

`httptools` serves the daemons; here no parser is imported, because the client's start-up time is part of every command.
"""

from slipway.base.errors import InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAXIMUM_HEAD = 64 * 1024
_CHUNK_LINE_LIMIT = 4096
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


class ResponseHead:
    """A status line and its headers: `status` 100-599, `headers` with lower-case names (a repeated one keeps its
    last).
    """

    __slots__ = ("headers", "reason", "status")

    def __init__(self, status: int, reason: str, headers: "dict[str, str]") -> None:
        self.status = status
        self.reason = reason
        self.headers = headers


def encode_request_head(method: str, target: str, headers: "Iterable[tuple[str, str]]") -> bytes:
    """The bytes up to and with the empty line. A line break inside any part is a bug of the caller (header
    injection).
    """
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    for line in lines:
        if "\r" in line or "\n" in line:
            raise InternalError(f"a line break in the HTTP request line or header {line[:80]!r}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def parse_response_head(data: bytes) -> ResponseHead:
    """Decode a head (without its empty line); raises InternalError when the other side does not speak HTTP/1."""
    lines = data.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(code) != 3 or not code.isascii() or not code.isdigit():
        raise InternalError(f"malformed HTTP response {lines[0][:80]!r}")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise InternalError(f"malformed HTTP header {line[:80]!r}")
        headers[name.lower()] = value.strip()
    return ResponseHead(int(code), reason, headers)


class BodyDecoder:
    """Takes the bytes after a response head, gives the body's bytes. `is_complete` says when the body has ended.

    Three framings: chunked, a known length, or (as a hijacked or old connection does) until the other side closes.
    """

    __slots__ = ("_buffer", "_chunked", "_left", "is_complete")

    def __init__(self, head: ResponseHead, *, has_body: bool) -> None:
        self._buffer = b""
        self._chunked = "chunked" in head.headers.get("transfer-encoding", "").lower()
        length = head.headers.get("content-length")
        self._left = 0 if self._chunked else -1 if length is None else _length_from_text(length)
        self.is_complete = not has_body or (self._left == 0 and not self._chunked)

    def feed(self, data: bytes) -> bytes:
        """Body bytes contained in `data`; what follows the body's end is dropped (we never pipeline)."""
        if self.is_complete:
            return b""
        if self._chunked:
            return self._feed_chunked(data)
        if self._left < 0:
            return data
        taken = data[: self._left]
        self._left -= len(taken)
        self.is_complete = self._left == 0
        return taken

    def close(self) -> None:
        """The other side closed: fine where the body's length was open, InternalError where bytes are missing."""
        if (self._chunked and not self.is_complete) or self._left > 0:
            raise InternalError("unexpected EOF")
        self.is_complete = True

    def _feed_chunked(self, data: bytes) -> bytes:
        buffer = self._buffer + data if self._buffer else data
        pieces = []
        position = 0
        while True:
            if self._left > 2:  # within a chunk: `_left` counts its data and the CRLF behind it
                piece = buffer[position : position + self._left - 2]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if self._left > 2:
                    break
            if self._left:
                skipped = min(self._left, len(buffer) - position)
                position += skipped
                self._left -= skipped
                if self._left:
                    break
            end = buffer.find(b"\r\n", position)
            if end < 0:
                break
            size = _chunk_size(buffer[position:end])
            if size == 0:
                self.is_complete = True
                break
            position = end + 2
            self._left = size + 2
        self._buffer = buffer[position:]
        if len(self._buffer) > _CHUNK_LINE_LIMIT and not self.is_complete:
            raise InternalError("malformed chunked encoding: a chunk header without an end")
        return b"".join(pieces)


def encode_chunk(data: bytes) -> bytes:
    """One chunk of a chunked request body; empty `data` is the end of the body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";", 1)[0].strip()
    if not digits or len(digits) > 16 or not _HEXADECIMAL.issuperset(digits):
        raise InternalError(f"malformed chunked encoding: chunk size {line[:20]!r}")
    return int(digits, 16)


def _length_from_text(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise InternalError(f"malformed Content-Length {text[:40]!r}")
    return int(text)

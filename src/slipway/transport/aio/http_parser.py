"""Requests out of bytes, by httptools: limits on what a client may send, and the body of an upgrade request."""

from collections.abc import Callable
from dataclasses import dataclass

import httptools

from slipway.base.errors import EngineError, InvalidArgument
from slipway.base.identifiers import integer_from_text
from slipway.transport.aio.http_messages import BodyStream, Request

TARGET_LIMIT = 64 * 1024  # filters of `docker ps` travel in the query
HEADERS_LIMIT = 64 * 1024  # X-Registry-Auth holds a token
HEADERS_COUNT_LIMIT = 128
# httptools keeps a header until its line ends, and tells of nothing before: what it may hold of one that never does.
SILENCE_LIMIT = TARGET_LIMIT + HEADERS_LIMIT + 256 * 1024


@dataclass(frozen=True, kw_only=True)
class ParserEvents:
    """What the parser tells its connection: a request whose headers are complete, and how its body's buffer stands."""

    request: Callable[[Request], None]
    body_full: Callable[[], None]
    body_drained: Callable[[], None]


class RequestParser:
    """Feeds bytes to httptools and builds requests. After `upgraded`, `leftover` is what followed the request.

    On an upgrade request httptools stops at the end of the headers, body or not. The body is taken here by its
    Content-Length; otherwise the JSON of an exec would land in the program's stdin.
    """

    def __init__(self, events: ParserEvents) -> None:
        self._events = events
        self._parser = httptools.HttpRequestParser(self)
        self._body: BodyStream | None = None
        self._upgrade_body_left = -1
        self._silent = 0  # bytes since the parser last told of something
        self.upgraded = False
        self.leftover = b""
        self._start_message()

    def _start_message(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._headers_size = 0
        self._headers_count = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the socket; raises InvalidArgument for what is not HTTP/1.1 within the limits."""
        if self._upgrade_body_left >= 0:
            self._feed_upgrade_body(data)
            return
        self._silent += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._begin_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            raise cause if isinstance(cause, EngineError) else InvalidArgument("malformed request") from error
        except httptools.HttpParserError as error:
            raise InvalidArgument(f"malformed request: {error}") from error
        if self._silent > SILENCE_LIMIT:
            raise InvalidArgument("the request headers are too large")

    def feed_eof(self) -> bool:
        """Nothing more of this client counts; whether that cuts a body off: its request is answered with that."""
        if self._body is None:
            return False
        self._body.feed_end(broken=True)
        return True

    # httptools calls these.

    def on_message_begin(self) -> None:
        self._start_message()

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > TARGET_LIMIT:
            raise InvalidArgument(f"the request target has more than {TARGET_LIMIT} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers_size += len(name) + len(value)
        self._headers_count += 1
        if self._headers_size > HEADERS_LIMIT or self._headers_count > HEADERS_COUNT_LIMIT:
            raise InvalidArgument("the request headers are too large")
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._silent = 0
        if self._parser.should_upgrade() and "transfer-encoding" in self._headers:
            raise InvalidArgument("an upgrade request must give its body's Content-Length")
        self._body = BodyStream(self._events.body_full, self._events.body_drained)
        self._events.request(
            Request(
                method=self._parser.get_method().decode("ascii"),
                target=self._target,
                headers=self._headers,
                body=self._body,
                keeps_alive=self._parser.should_keep_alive(),
                wants_upgrade=self._parser.should_upgrade(),
                expects_continue=self._headers.get("expect", "").lower() == "100-continue",
            )
        )

    def on_body(self, data: bytes) -> None:
        self._silent = 0
        if self._body is not None and not self._parser.should_upgrade():
            self._body.feed(data)

    def on_message_complete(self) -> None:
        self._silent = 0
        if self._body is not None and not self._parser.should_upgrade():
            self._body.feed_end()
            self._body = None

    def _begin_upgrade(self, rest: bytes) -> None:
        self._upgrade_body_left = integer_from_text(self._headers.get("content-length", "0"), "Content-Length")
        self._feed_upgrade_body(rest)

    def _feed_upgrade_body(self, data: bytes) -> None:
        part, rest = data[: self._upgrade_body_left], data[self._upgrade_body_left :]
        self._upgrade_body_left -= len(part)
        if self._body is not None and part:
            self._body.feed(part)
        if self._upgrade_body_left == 0 and not self.upgraded:
            self.upgraded = True
            if self._body is not None:
                self._body.feed_end()
                self._body = None
        self.leftover += rest

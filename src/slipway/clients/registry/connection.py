"""One host of a repository: requests with authorization and redirects; answers become data or an error of ours."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Container, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from slipway.base.errors import EngineError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unavailable
from slipway.clients.registry.authorization import Authorizer
from slipway.clients.registry.bodies import read_bounded
from slipway.clients.registry.error_documents import words_of_errors
from slipway.clients.registry.model import USUAL_PATIENCE, AskLogin, Body, Host, Patience
from slipway.clients.registry.tls import tls_context
from slipway.clients.web.failures import cause_of
from slipway.clients.web.http_client import make_http_client

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = 6
_MESSAGE_LIMIT: Final = 64 << 10  # bytes of an error document that we read
_READING: Final = ("GET", "HEAD")
_BUSY: Final = (408, 429, 500, 502, 503, 504)
# What OpenSSL makes of an answer that is HTTP, or of a peer that hangs up on a greeting that it does not know.
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG",
                  "UNEXPECTED_EOF_WHILE_READING")  # fmt: skip


class Interrupted(Unavailable):
    """The connection broke, or the host has troubles of its own: the same request may succeed if it is sent again."""


_KINDS: Final[dict[int, type[EngineError]]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    **dict.fromkeys(_BUSY, Interrupted),
}


class Connection:
    """Keeps the connections to one host. `scope` is what a token is asked for (`repository:NAME:pull`).

    `is_last`: nobody else can be asked, so that a host in trouble is asked again after a pause. Reads files; raises
    InvalidArgument for certificates that cannot be used.
    """

    def __init__(
        self, host: Host, scope: str, ask_login: AskLogin, *, patience: Patience = USUAL_PATIENCE, is_last: bool = False
    ) -> None:
        self.host = host
        self._http = make_http_client(
            verify=tls_context(host), connect_seconds=host.dial_seconds, read_seconds=patience.progress
        )
        self._scope = scope
        self._ask_login = ask_login
        self._patience = patience
        self._pauses = patience.pauses if is_last else ()
        self._may_be_plain = host.may_be_plain
        self._speak_at(host.base)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        what: str,
        headers: dict[str, str],
        *,
        body: Body | None = None,
        expected: Container[int] = (),
    ) -> AsyncIterator["httpx.Response"]:
        """Send a request, answering a challenge once; the response is 2xx or `expected`, its body not yet read.

        `path` is below the host's base, or a whole URL that the host has named. Raises by `_KINDS`, Unavailable for the
        rest; messages name `what`.
        """
        with self._named_failures(method, path):
            response = await self._settled(method, path, headers, body)
            try:
                if not (200 <= response.status_code < 300 or response.status_code in expected):
                    raise await self._refusal(response, what)
                yield response
            finally:
                await response.aclose()

    async def close(self) -> None:
        await self._http.aclose()

    def _speak_at(self, base: str) -> None:
        import httpx

        self._base = base
        self._origin = _origin(httpx.URL(base))
        self._authorizer = Authorizer(self._http, self._origin, self._scope, self._ask_login, self._patience)

    def _url(self, path: str) -> str:
        if "://" in path:
            return path
        if not self.host.stands_for:
            return f"{self._base}/{path}"
        return f"{self._base}/{path}{'&' if '?' in path else '?'}ns={quote(self.host.stands_for, safe='')}"

    @contextmanager
    def _named_failures(self, method: str, path: str) -> Iterator[None]:
        """Also around what the caller does with the answer: its body breaks off as its header does."""
        import httpx

        try:
            yield
        except (httpx.TransportError, httpx.InvalidURL, TimeoutError, ssl.SSLError) as error:
            url = self._url(path).partition("?")[0]  # what follows may be a signature
            # httpx passes on what TLS 1.3 refuses after its handshake
            cause = _cause(error, _asked(error) or httpx.URL(url))
            is_unsent = isinstance(error, TimeoutError | httpx.TimeoutException | httpx.ConnectError)
            kind: type[EngineError] = Interrupted if method in _READING or not is_unsent else Unavailable
            if isinstance(error, httpx.InvalidURL) or _is_bad_location(error):
                kind = InvalidArgument
            raise kind(f'failed to do request: {method.capitalize()} "{url}": {cause}') from error

    async def _settled(self, method: str, path: str, headers: dict[str, str], body: Body | None) -> "httpx.Response":
        """The answer, after pauses where the host is in trouble and nobody else can be asked; of what only reads."""
        import httpx

        for pause in self._pauses if method in _READING else ():
            try:
                response = await self._authorized(method, path, headers, body)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as error:
                if _is_bad_location(error):
                    raise
                await asyncio.sleep(pause)
                continue
            wanted = _wanted_pause(response, pause)
            if response.status_code not in _BUSY or wanted > self._patience.longest_pause:
                return response
            await response.aclose()
            await asyncio.sleep(wanted)
        return await self._authorized(method, path, headers, body)

    async def _authorized(self, method: str, path: str, headers: dict[str, str], body: Body | None) -> "httpx.Response":
        used = self._authorizer.header
        response = await self._reached(method, path, headers, body)
        try:
            challenges = self._challenges(response)
            if not challenges or not await self._authorizer.answer(challenges, used):
                return response
        except BaseException:
            await response.aclose()
            raise
        await response.aclose()
        return await self._reached(method, path, headers, body)

    async def _reached(self, method: str, path: str, headers: dict[str, str], body: Body | None) -> "httpx.Response":
        """In clear where a host that may be plain speaks no TLS; never after it has once."""
        import httpx

        base = self._base
        try:
            return await self._follow(method, self._url(path), headers, body)
        except httpx.TransportError as error:
            if self._may_be_plain and _speaks_no_tls(error, httpx.URL(base)):
                self._may_be_plain = False
                self._speak_at(base.replace("https:", "http:", 1))
            if self._base == base:
                raise
        return await self._follow(method, self._url(path), headers, body)

    async def _follow(self, method: str, url: str, headers: dict[str, str], body: Body | None) -> "httpx.Response":
        """Follow redirects, never from https to http. What is meant for the registry goes to its origin alone."""
        start = url.partition("?")[0]
        for _ in range(_REDIRECTS):
            response = await self._send(method, url, headers, body)
            if not response.has_redirect_location:
                return response
            await response.aclose()
            url = _checked_target(response, f"{method} {start}")
            if method not in _READING and response.status_code not in (307, 308):
                raise InvalidArgument(f"{method} {start}: it redirects by {response.status_code}, which is for reading")
        raise InvalidArgument(f"{method} {start}: more than {_REDIRECTS} redirects")

    async def _send(self, method: str, url: str, headers: dict[str, str], body: Body | None) -> "httpx.Response":
        """One request; of what only reads one more, where a kept connection was closed at the same moment.

        Source: RFC 9112 section 9.3.1. By then httpx has no hold on that connection: it takes or makes another.
        """
        import httpx

        connection = _ConnectionKind()
        try:
            return await self._send_once(method, url, headers, body, connection)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as error:
            if connection.is_new or method not in _READING or _is_bad_location(error):
                raise
        return await self._send_once(method, url, headers, body, connection)

    async def _send_once(
        self, method: str, url: str, headers: dict[str, str], body: Body | None, connection: "_ConnectionKind"
    ) -> "httpx.Response":
        """An answer's header has one deadline for all of it: it could come byte by byte."""
        pieces = None if body is None else body.pieces()
        try:
            length = {} if body is None else {"Content-Length": str(body.size)}
            request = self._http.build_request(
                method, url, headers={"Accept-Encoding": "identity", **headers, **length}, content=pieces
            )
            request.extensions["trace"] = connection.note
            if body is not None:
                request.extensions["timeout"] = {**request.extensions["timeout"], "read": self._patience.commit}
            if _origin(request.url) == self._origin:
                request.headers.update(self.host.headers)
                if self._authorizer.header:
                    request.headers["Authorization"] = self._authorizer.header
            async with asyncio.timeout(self._patience.answer if body is None else None):
                response = await self._http.send(request, stream=True)
        finally:
            if pieces is not None:
                await pieces.aclose()
        self._may_be_plain = False
        return response

    def _challenges(self, response: "httpx.Response") -> tuple[str, ...]:
        """Only the registry itself may ask for credentials, not a host that it redirects to (CVE-2020-15157)."""
        if response.status_code != 401 or _origin(response.url) != self._origin:
            return ()
        return tuple(response.headers.get_list("www-authenticate"))

    async def _refusal(self, response: "httpx.Response", what: str) -> EngineError:
        """What a status means, in the registry's words. A host that is to be left alone for long is asked no more."""
        request, status = response.request, response.status_code
        kind = _KINDS.get(status, Unavailable)
        if kind is NotFound and request.method in _READING:
            return NotFound(f"{what}: not found")
        if kind is Interrupted and _wanted_pause(response, 0) > self._patience.longest_pause:
            kind = Unavailable
        words = "" if request.method == "HEAD" else words_of_errors(await self._error_page(response))
        url = response.url.copy_with(query=None, fragment=None, userinfo=b"")  # a signature may be part of it
        answer = f"{status} {response.reason_phrase}{': ' if words else ''}{words}"
        return kind(f"{what}: unexpected status from {request.method} request to {url}: {answer}")

    async def _error_page(self, response: "httpx.Response") -> bytes:
        """What comes of it in reasonable time."""
        import httpx

        with suppress(httpx.TransportError, TimeoutError):
            async with asyncio.timeout(self._patience.progress):
                return await read_bounded(response, _MESSAGE_LIMIT) or b""
        return b""


class _ConnectionKind:
    """Learns from what httpx tells of a request (its extension `trace`) whether it has made a connection for it."""

    def __init__(self) -> None:
        self.is_new = False

    async def note(self, event: str, _: object) -> None:
        self.is_new |= event.startswith("connection.connect_")


def _checked_target(response: "httpx.Response", what: str) -> str:
    """Where a redirect leads. Raises InvalidArgument for what is no http, or less than https was."""
    target = response.url.join(response.headers["location"])
    if target.scheme not in ("http", "https") or not target.host:
        raise InvalidArgument(f"{what}: it redirects to what is no URL of http or https")
    if response.url.scheme == "https" and target.scheme != "https":
        raise InvalidArgument(f"{what}: it redirects from https to {target.scheme}")
    return str(target)


def _asked(error: BaseException) -> "httpx.URL | None":
    """Whom a failed request went to: somebody else, after a redirect."""
    import httpx

    with suppress(RuntimeError):  # httpx has not noted it
        return error.request.url if isinstance(error, httpx.RequestError) else None
    return None


def _is_bad_location(error: BaseException) -> bool:
    """httpx looks at a Location that it is not told to follow, and calls a bad one a protocol error."""
    import httpx

    return isinstance(error, httpx.RemoteProtocolError) and isinstance(error.__context__, httpx.InvalidURL)


def _wanted_pause(response: "httpx.Response", usual: float) -> float:
    """What Retry-After says in seconds (RFC 9110 section 10.2.3); a date or nonsense is passed over."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else usual


def _cause(error: BaseException, url: "httpx.URL") -> str:
    import httpx

    if isinstance(error, TimeoutError):
        return "timeout awaiting response headers"
    if isinstance(error, httpx.ReadTimeout):
        return "timeout awaiting the next bytes"
    return cause_of(error, url)


def _speaks_no_tls(error: BaseException, url: "httpx.URL") -> bool:
    """Whether a first request by TLS failed because the peer speaks HTTP, or listens at HTTP's own port only."""
    import httpx

    each: BaseException | None = error
    while each is not None:
        if isinstance(each, ssl.SSLError):
            return each.reason in _NO_TLS
        each = each.__cause__ or each.__context__
    return url.port is None and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def _origin(url: "httpx.URL") -> tuple[str, str]:
    return url.scheme, url.netloc.decode("ascii")

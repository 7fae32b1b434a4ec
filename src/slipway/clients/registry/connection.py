"""One host of a repository: requests with authorization and redirects; answers become data or an error of ours."""

import ssl
from collections.abc import AsyncIterator, Container
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from slipway.base.errors import EngineError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unavailable
from slipway.clients.registry.authorization import Authorizer
from slipway.clients.registry.error_documents import words_of_errors
from slipway.clients.registry.model import AskLogin, Body, Host
from slipway.clients.web.failures import cause_of
from slipway.clients.web.http_client import make_http_client

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = 6
_MESSAGE_LIMIT: Final = 64 << 10  # bytes of an error document that we read
_COMMIT_SECONDS: Final = 300.0  # for the answer to a body: the registry may still have to move what it got


class Interrupted(Unavailable):
    """The connection broke, or the host has troubles of its own: the same request may succeed if it is sent again."""


_KINDS: Final[dict[int, type[EngineError]]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    **dict.fromkeys((408, 429, 500, 502, 503, 504), Interrupted),
}


class Connection:
    """Keeps the connections to one host. `scope` is what a token is asked for (`repository:NAME:pull`)."""

    def __init__(self, host: Host, scope: str, ask_login: AskLogin) -> None:
        import httpx

        self.host = host
        self._http = make_http_client(verify=_tls(host))
        self._origin = _origin(httpx.URL(host.base))
        self._authorizer = Authorizer(self._http, self._origin, scope, ask_login)

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
        import httpx

        url = path if "://" in path else f"{self.host.base}/{path}"
        if self._origin[0] == "https" and not url.startswith("https:"):
            raise Unavailable(f"{what}: the registry leads from https to {url.partition(':')[0]}")
        used = self._authorizer.header
        try:
            async with self._send(method, url, headers, body) as response:
                challenges = self._challenges(response)
                if not challenges:
                    await _raise_for_status(response, what, expected)
                    yield response
                    return
            await self._authorizer.answer(challenges, used)
            async with self._send(method, url, headers, body) as response:
                await _raise_for_status(response, what, expected)
                yield response
        except (httpx.TransportError, httpx.InvalidURL) as error:
            asked = url.partition("?")[0]  # what follows may be a signature
            sentence = f'failed to do request: {method.capitalize()} "{asked}": {cause_of(error, httpx.URL(asked))}'
            may_pass = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
            raise (Interrupted if may_pass else Unavailable)(sentence) from error

    async def close(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def _send(
        self, method: str, url: str, headers: dict[str, str], body: Body | None
    ) -> AsyncIterator["httpx.Response"]:
        """Follow redirects, never from https to http. What is meant for the registry goes to its origin alone."""
        asked = url.partition("?")[0]
        for _ in range(_REDIRECTS):
            async with AsyncExitStack() as stack:
                request = self._request(stack, method, url, headers, body)
                response = await self._http.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                if not response.has_redirect_location:
                    yield response
                    return
                target = response.url.join(response.headers["location"])
            if request.url.scheme == "https" and target.scheme != "https":
                raise Unavailable(f"{method} {asked}: it redirects from https to {target.scheme}")
            if method not in ("GET", "HEAD") and response.status_code not in (307, 308):
                raise Unavailable(
                    f"{method} {asked}: it redirects by {response.status_code}, which is for reading only"
                )
            url = str(target)
        raise Unavailable(f"{method} {asked}: more than {_REDIRECTS} redirects")

    def _request(
        self, stack: AsyncExitStack, method: str, url: str, headers: dict[str, str], body: Body | None
    ) -> "httpx.Request":
        pieces = None
        if body is not None:
            pieces = body.pieces()
            stack.push_async_callback(pieces.aclose)
            headers = {**headers, "Content-Length": str(body.size)}
        request = self._http.build_request(method, url, headers=headers, content=pieces)
        if body is not None:
            request.extensions["timeout"] = {**request.extensions["timeout"], "read": _COMMIT_SECONDS}
        if _origin(request.url) == self._origin:
            request.headers.update(self.host.headers)
            if self._authorizer.header:
                request.headers["Authorization"] = self._authorizer.header
        return request

    def _challenges(self, response: "httpx.Response") -> tuple[str, ...]:
        """Only the registry itself may ask for credentials, not a host that it redirects to (CVE-2020-15157)."""
        if response.status_code != 401 or _origin(response.url) != self._origin:
            return ()
        return tuple(response.headers.get_list("www-authenticate"))


async def read_bounded(response: "httpx.Response", limit: int) -> bytes | None:
    """The body, or None when it is longer than `limit` bytes."""
    pieces: list[bytes] = []
    length = 0
    async for piece in response.aiter_bytes():
        length += len(piece)
        if length > limit:
            return None
        pieces.append(piece)
    return b"".join(pieces)


async def _raise_for_status(response: "httpx.Response", what: str, expected: Container[int]) -> None:
    status = response.status_code
    if 200 <= status < 300 or status in expected:
        return
    kind = _KINDS.get(status, Unavailable)
    if kind is NotFound and response.request.method in ("GET", "HEAD"):
        raise NotFound(f"{what}: not found")
    said = (await read_bounded(response, _MESSAGE_LIMIT) or b"") if response.request.method != "HEAD" else b""
    words = words_of_errors(said)
    url = str(response.url).partition("?")[0]
    raise kind(f"{what}: unexpected status from {response.request.method} request to {url}: "
               f"{status} {response.reason_phrase}{': ' if words else ''}{words}")  # fmt: skip


def _tls(host: Host) -> ssl.SSLContext | bool:
    if not host.base.startswith("https:"):
        return False
    if not host.verify:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    return ssl.create_default_context(cafile=host.certificates or None)


def _origin(url: "httpx.URL") -> tuple[str, str]:
    return url.scheme, url.netloc.decode("ascii")

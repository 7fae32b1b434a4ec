"""One host of a repository: requests with authorization and redirects; answers become data or an error of ours."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from slipway.base.errors import EngineError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unavailable
from slipway.clients.registry.authorization import Authorizer
from slipway.clients.registry.model import AskLogin, Host
from slipway.clients.web.failures import cause_of
from slipway.clients.web.http_client import make_http_client

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = 6
_MESSAGE_LIMIT: Final = 64 << 10  # bytes of an error document that we read
_KINDS: Final[dict[int, type[EngineError]]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
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
        self, method: str, path: str, what: str, headers: dict[str, str]
    ) -> AsyncIterator["httpx.Response"]:
        """Send a request, answering a challenge once; the response is 2xx, its body not yet read.

        Raises by `_KINDS`, Unavailable for the rest; messages name `what`.
        """
        import httpx

        url = f"{self.host.base}/{path}"
        try:
            async with self._send(method, url, headers) as response:
                challenges = self._challenges(response)
                if not challenges:
                    await _raise_for_status(response, what)
                    yield response
                    return
            await self._authorizer.answer(challenges)
            async with self._send(method, url, headers) as response:
                await _raise_for_status(response, what)
                yield response
        except (httpx.TransportError, httpx.InvalidURL) as error:
            sentence = f'failed to do request: {method.capitalize()} "{url}": {cause_of(error, httpx.URL(url))}'
            raise Unavailable(sentence) from error

    async def close(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def _send(self, method: str, url: str, headers: dict[str, str]) -> AsyncIterator["httpx.Response"]:
        """Follow redirects, never from https to http. What is meant for the registry goes to its origin alone."""
        for _ in range(_REDIRECTS):
            request = self._http.build_request(method, url, headers=headers)
            if _origin(request.url) == self._origin:
                request.headers.update(self.host.headers)
                if self._authorizer.header:
                    request.headers["Authorization"] = self._authorizer.header
            response = await self._http.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    yield response
                    return
                target = response.url.join(response.headers["location"])
            finally:
                await response.aclose()
            if request.url.scheme == "https" and target.scheme != "https":
                raise Unavailable(f"{method} {url}: it redirects from https to {target.scheme}")
            url = str(target)
        raise Unavailable(f"{method} {url}: more than {_REDIRECTS} redirects")

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


async def _raise_for_status(response: "httpx.Response", what: str) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    kind = _KINDS.get(status, Unavailable)
    if kind is NotFound:
        raise NotFound(f"{what}: not found")
    said = (await read_bounded(response, _MESSAGE_LIMIT) or b"") if response.request.method != "HEAD" else b""
    words = " ".join(said.decode("utf-8", "replace").split())[:300]
    raise kind(f"{what}: unexpected status from {response.request.method} request to {response.url}: "
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

"""One file by its URL: redirects followed, failures in the words of the original (Go's net/http)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.base.errors import EngineError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unavailable
from slipway.clients.web.failures import cause_of
from slipway.clients.web.http_client import make_http_client

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = 10  # as Go's client
_WORDS_LIMIT: Final = 1024  # bytes of an error page that are shown
_KINDS: Final[dict[int, type[EngineError]]] = {401: Unauthenticated, 403: PermissionDenied, 404: NotFound}


@dataclass(frozen=True)
class Download:
    """An answer whose body is on its way. `total` is its length in bytes, 0 where the server does not say."""

    url: str
    total: int
    _chunks: AsyncIterator[bytes]

    async def read(self) -> bytes:
        """The next bytes; b"" at the end. Raises Unavailable when it breaks off."""
        import httpx

        try:
            return await anext(self._chunks, b"")
        except httpx.RemoteProtocolError as error:
            raise Unavailable(f'Get "{self.url}": unexpected EOF') from error
        except httpx.TransportError as error:
            raise Unavailable(f'Get "{self.url}": {cause_of(error, httpx.URL(self.url))}') from error


@asynccontextmanager
async def open_download(url: str) -> AsyncIterator[Download]:
    """GET `url`; the block begins when the server has answered well.

    Raises InvalidArgument (no URL, no http), Unavailable, and by the status of the answer.
    """
    if " " in url.partition("://")[2].partition("/")[0]:  # httpx would quote it
        raise InvalidArgument(f'parse "{url}": invalid character " " in host name')
    async with await asyncio.to_thread(_make_client) as client:
        import httpx  # by now it is there

        try:
            response = await client.send(client.build_request("GET", url), stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failure(url, error) from error
        try:
            await _check_status(url, response)
            yield Download(url, _length(response.headers.get("content-length", "")), response.aiter_raw())
        finally:
            await response.aclose()


def _length(text: str) -> int:
    """Of the body; 0 for what is no length."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _make_client() -> "httpx.AsyncClient":
    client = make_http_client()
    client.headers["Accept-Encoding"] = "identity"  # the file as it is, gzip and all
    client.follow_redirects, client.max_redirects = True, _REDIRECTS - 1
    return client


def _failure(url: str, error: Exception) -> EngineError:
    import httpx

    if isinstance(error, httpx.InvalidURL):
        return InvalidArgument(f'parse "{url}": {error}')
    if isinstance(error, httpx.UnsupportedProtocol):
        target = error.request.url
        if not target.host:
            return InvalidArgument(f'Get "{url.rstrip("/")}": http: no Host in request URL')
        return InvalidArgument(f'Get "{target}": unsupported protocol scheme "{target.scheme}"')
    if isinstance(error, httpx.TooManyRedirects):
        return Unavailable(f'Get "{error.request.url.path}": stopped after {_REDIRECTS} redirects')
    asked = error.request.url if isinstance(error, httpx.RequestError) else httpx.URL(url)
    return Unavailable(f'Get "{asked}": {cause_of(error, asked)}')


async def _check_status(url: str, response: "httpx.Response") -> None:
    if response.status_code < 400:
        return
    import httpx

    words = b""
    with suppress(httpx.HTTPError):  # it breaks off: what came of it is shown
        async for chunk in response.aiter_raw():
            words += chunk
            if len(words) >= _WORDS_LIMIT:
                break
    default = Unavailable if response.status_code >= 500 else InvalidArgument
    status = f"{response.status_code} {response.reason_phrase}"
    said = words[:_WORDS_LIMIT].decode("utf-8", "replace").strip()
    raise _KINDS.get(response.status_code, default)(f"failed to GET {url} with status {status}: {said}")

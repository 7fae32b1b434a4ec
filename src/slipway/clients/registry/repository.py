"""A repository behind its hosts: mirrors first, the registry last; what a host cannot give, the next is asked for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from slipway.base.digests import digest_of, is_digest, new_hash
from slipway.base.errors import EngineError, InvalidArgument, Unavailable
from slipway.base.references import Reference
from slipway.clients.registry.bodies import read_bounded
from slipway.clients.registry.connection import Connection, Interrupted
from slipway.clients.registry.model import USUAL_PATIENCE, AskLogin, Host, Patience, anonymous
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci.image import DOCUMENT_LIMIT, INDEX_TYPES, MANIFEST_TYPES

if TYPE_CHECKING:
    import httpx

Answer = TypeVar("Answer")
_ACCEPT: Final = ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))
_NO_HEAD: Final = (405, 501)  # of registries that know no HEAD
_PROGRESS: Final = 1 << 20  # bytes: what a connection that breaks must have brought to be worth another one
_CRAWL: Final = 1 << 16  # bytes that must come in the time of patience
_LONGEST_NUMBER: Final = 18  # digits: what fits 64 bits in any case; `int()` itself refuses more than 4,300


class RegistryRepository:
    """Implements `interface.Repository` over HTTP."""

    def __init__(
        self,
        reference: Reference,
        hosts: list[Host],
        ask_login: AskLogin = anonymous,
        patience: Patience = USUAL_PATIENCE,
    ) -> None:
        self._name = reference.name
        self._path = reference.path
        self._patience = patience
        scope = f"repository:{reference.path}:pull"
        pulling = [host for host in hosts if host.pulls]
        self._connections = [
            Connection(host, scope, ask_login, patience=patience, is_last=host is pulling[-1]) for host in pulling
        ]

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()

    async def resolve(self, reference: Reference) -> Descriptor:
        what = reference.complete
        hosts = [each for each in self._connections if reference.digest or each.host.resolves]

        async def ask(connection: Connection) -> Descriptor:
            path = f"{self._path}/manifests/{reference.object}"
            asking = connection.request("HEAD", path, what, {"Accept": _ACCEPT}, expected=_NO_HEAD)
            async with asking as response:
                told = None if response.status_code in _NO_HEAD else _descriptor(response, reference.digest)
            target = told or await self._resolve_by_content(connection, path, what, reference.digest)
            if target.size > DOCUMENT_LIMIT:
                raise InvalidArgument(f"{what}: its manifest is larger than {DOCUMENT_LIMIT} bytes")
            return target

        return await self._first_answer(hosts, ask, what)

    async def manifest(self, target: Descriptor) -> bytes:
        what = f"{self._name}@{target.digest}"
        accept = target.media_type or _ACCEPT
        if not (accept.isascii() and accept.isprintable()):  # an index says it, and it becomes a header
            raise InvalidArgument(f"{what}: it is said to be of media type {accept[:80]!a}, which is none")

        async def ask(connection: Connection) -> bytes:
            path = f"{self._path}/manifests/{target.digest}"
            async with connection.request("GET", path, what, {"Accept": accept}) as response:
                data = await self._document(response, min(target.size or DOCUMENT_LIMIT, DOCUMENT_LIMIT), what)
            if data is None or (target.size and len(data) != target.size) or not _is_content(data, target.digest):
                raise InvalidArgument(f"{what}: the registry sent something else")
            return data

        return await self._first_answer(self._connections, ask, what)

    @asynccontextmanager
    async def blob(self, target: Descriptor, offset: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        pieces = self._pieces(target, offset)
        try:
            yield pieces
        finally:
            await pieces.aclose()

    async def _pieces(self, target: Descriptor, offset: int) -> AsyncGenerator[bytes, None]:
        """Yield the rest of a blob; when a connection breaks, go on where it broke, with the next host if need be.

        Rounds of all hosts that bring little are counted: a few bytes at a time, a registry could go on for ever.
        """
        what, start = f"{self._name}@{target.digest}", offset
        hosts = list(self._connections)
        failure: EngineError = Unavailable(f"{what}: no host of its registry may be asked")
        pauses = iter(self._patience.pauses)
        while hosts and offset < target.size:
            begin = offset
            for connection in list(hosts):
                try:
                    async for piece in self._pieces_once(connection, target, offset, what):
                        offset += len(piece)
                        yield piece
                    failure = Unavailable(f"{what}: its registry sent less than it announced")
                except EngineError as error:
                    failure = error
                    if not isinstance(error, Interrupted):
                        hosts.remove(connection)
                if offset >= target.size:
                    return
            if offset - begin >= _PROGRESS:
                pauses = iter(self._patience.pauses)
            elif (pause := next(pauses, None)) is None:
                break
            else:
                await asyncio.sleep(pause)
        if offset < target.size:
            arrived = f"; {offset} of {target.size} bytes have arrived" if offset > start else ""
            raise type(failure)(f"{failure.message}{arrived}", failure.hint)

    async def _pieces_once(
        self, connection: Connection, target: Descriptor, offset: int, what: str
    ) -> AsyncGenerator[bytes, None]:
        headers = {}
        if offset:
            headers["Range"] = f"bytes={offset}-{target.size - 1}"
        async with connection.request("GET", f"{self._path}/blobs/{target.digest}", what, headers) as response:
            skip = _bytes_before(response, offset, what)
            left = target.size - offset
            async for piece in self._paced(response, what):
                if skip >= len(piece):
                    skip -= len(piece)
                    continue
                piece, skip = piece[skip : skip + left], 0
                left -= len(piece)
                yield piece
                if not left:
                    return

    async def _paced(self, response: "httpx.Response", what: str) -> AsyncGenerator[bytes, None]:
        """The body, given up where it comes by the drop: others wait for the same blob. Our own time does not count."""
        now = asyncio.get_running_loop().time
        arrived, waited, mark = 0, 0.0, now()
        async for piece in response.aiter_raw():
            arrived += len(piece)
            waited += now() - mark
            if arrived >= _CRAWL:
                arrived, waited = 0, 0.0
            elif waited > self._patience.crawl:
                raise Interrupted(f"{what}: its registry sent {arrived} bytes in {waited:.0f} seconds")
            yield piece
            mark = now()

    async def _document(self, response: "httpx.Response", limit: int, what: str) -> bytes | None:
        seconds = self._patience.document
        try:
            async with asyncio.timeout(seconds):
                return await read_bounded(response, limit)
        except TimeoutError as error:
            raise Unavailable(f"{what}: its manifest has not arrived in {seconds:g} seconds") from error

    async def _resolve_by_content(self, connection: Connection, path: str, what: str, expected: str) -> Descriptor:
        """For registries whose HEAD tells no digest."""
        async with connection.request("GET", path, what, {"Accept": _ACCEPT}) as response:
            data = await self._document(response, DOCUMENT_LIMIT, what)
            media_type = _media_type(response)
        if data is None:
            raise InvalidArgument(f"{what}: its manifest is larger than {DOCUMENT_LIMIT} bytes")
        if expected and not _is_content(data, expected):
            raise InvalidArgument(f"{what}: the registry sent something else")
        return Descriptor(media_type=media_type, digest=expected or digest_of(data), size=len(data))

    async def _first_answer(
        self, connections: list[Connection], ask: Callable[[Connection], Awaitable[Answer]], what: str
    ) -> Answer:
        """The first host's answer; when all fail, the error of the last host that was reached, else the last one."""
        failure: EngineError | None = None
        for connection in connections:
            try:
                return await ask(connection)
            except EngineError as error:
                if failure is None or isinstance(failure, Unavailable) or not isinstance(error, Unavailable):
                    failure = error
        raise failure or Unavailable(f"{what}: no host of its registry may be asked")


def _descriptor(response: "httpx.Response", expected: str) -> Descriptor | None:
    digest = response.headers.get("docker-content-digest", "") or expected
    length = response.headers.get("content-length", "")
    if not is_digest(digest) or not (length.isascii() and length.isdigit()) or len(length) > _LONGEST_NUMBER:
        return None
    if expected and digest != expected:
        raise InvalidArgument(f"{expected[:80]}: the registry answered for {digest}")
    return Descriptor(media_type=_media_type(response), digest=digest, size=int(length))


def _bytes_before(response: "httpx.Response", offset: int, what: str) -> int:
    """How much of a body lies before `offset`: a registry may send all of a blob, whatever range it was asked for."""
    if response.status_code != 206:
        return offset
    told = response.headers.get("content-range", "")
    if not told.startswith(f"bytes {offset}-"):
        raise InvalidArgument(f"{what}: asked for bytes from {offset} on, the registry sent {told[:80]!r}")
    return 0


def _media_type(response: "httpx.Response") -> str:
    declared: str = response.headers.get("content-type", "")
    return declared.partition(";")[0].strip()


def _is_content(data: bytes, digest: str) -> bool:
    running = new_hash(digest)
    running.update(data)
    return digest == f"{digest.partition(':')[0]}:{running.hexdigest()}"

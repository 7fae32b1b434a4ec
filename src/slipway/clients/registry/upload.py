"""Writes into a repository: what the registry has is not sent, what a sister repository has is mounted from there.

Source: distribution specification 1.1, "Push": HEAD, then POST (or a mount), then one PUT of the whole blob.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from slipway.base.errors import InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from slipway.base.references import Reference
from slipway.clients.registry.bodies import read_bounded
from slipway.clients.registry.connection import Connection, Interrupted
from slipway.clients.registry.interface import Outcome
from slipway.clients.registry.model import USUAL_PATIENCE, AskLogin, Body, Host, Patience, anonymous
from slipway.contracts.containerd_api.types import Descriptor

if TYPE_CHECKING:
    import httpx

_UPLOAD_TYPE: Final = "application/octet-stream"
_ANSWER_LIMIT: Final = 64 << 10  # bytes of an answer that are read, so that its connection can be used again
_ABSENT: Final = frozenset((404, 405))  # 405: a registry that knows no HEAD
_NO_MOUNT: Final = frozenset(range(400, 500))


class RegistryUploads:
    """Implements `interface.Uploads` over HTTP."""

    def __init__(
        self, reference: Reference, hosts: Sequence[Host], ask_login: AskLogin = anonymous,
        patience: Patience = USUAL_PATIENCE,
    ) -> None:  # fmt: skip
        """The first host that takes images is the only one, as with the original. Raises NotFound where none does.

        Reads files; raises InvalidArgument for certificates that cannot be used.
        """
        self._name = reference.name
        self._path = reference.path
        self._pauses = patience.pauses
        host = next((host for host in hosts if host.pushes), None)
        if host is None:
            raise NotFound(f"push {reference.complete}: no push hosts")
        self._connection = Connection(host, f"repository:{reference.path}:pull,push", ask_login, patience=patience)

    async def push_blob(self, target: Descriptor, body: Body, mount_from: str = "") -> Outcome:
        what = f"push {self._name}@{target.digest}"

        async def attempt() -> Outcome:
            if await self._has(f"{self._path}/blobs/{target.digest}", target, what) is not None:
                return Outcome.EXISTS
            place = await self._mount(target, mount_from, what) if mount_from else None
            place = place or await self._begin(target, what)
            if isinstance(place, Outcome):
                return place
            await self._put(place, _UPLOAD_TYPE, target, body, what)
            return Outcome.SENT

        return await self._with_retries(attempt)

    async def push_manifest(self, target: Descriptor, data: bytes, tag: str = "") -> Outcome:
        what = f"push {self._name}{f':{tag}' if tag else f'@{target.digest}'}"
        path = f"{self._path}/manifests/{tag or target.digest}"
        body = Body(size=len(data), pieces=lambda: _only(data))

        async def attempt() -> Outcome:
            found = await self._has(path, target, what)
            if found == target.digest or (found is not None and not tag):
                return Outcome.EXISTS
            await self._put(path, target.media_type, target, body, what)
            return Outcome.SENT

        return await self._with_retries(attempt)

    async def close(self) -> None:
        await self._connection.close()

    async def _has(self, path: str, target: Descriptor, what: str) -> str | None:
        """The digest that the registry tells, "" where it has something and tells none; None for nothing.

        Who may not look may still be let push, and a refusal of that has words, unlike one of HEAD.
        """
        headers = {"Accept": f"{target.media_type}, */*"}
        try:
            async with self._connection.request("HEAD", path, what, headers, expected=_ABSENT) as response:
                await _finish(response)
                told: str = response.headers.get("docker-content-digest", "")
                return None if response.status_code in _ABSENT else told
        except (Unauthenticated, PermissionDenied):
            return None

    async def _mount(self, target: Descriptor, mount_from: str, what: str) -> "str | Outcome | None":
        """MOUNTED; or where to send the blob to instead; or None: a registry may refuse in any way it likes."""
        query = urlencode({"mount": target.digest, "from": mount_from}, safe=":/")
        path = f"{self._path}/blobs/uploads/?{query}"
        try:
            asking = self._connection.request("POST", path, what, {"Content-Length": "0"}, expected=_NO_MOUNT)
            async with asking as response:
                await _finish(response)
                if response.status_code in _NO_MOUNT:
                    return None
                if response.status_code == 201:
                    _check_digest(response, target, what)
                    return Outcome.MOUNTED
                return _upload_url(response, target, what)
        except Unauthenticated:  # the token server gives nobody a token for the other repository
            return None

    async def _begin(self, target: Descriptor, what: str) -> "str | Outcome":
        """Where to send the blob to. EXISTS from a registry that has just found it."""
        path = f"{self._path}/blobs/uploads/"
        try:
            async with self._connection.request("POST", path, what, {"Content-Length": "0"}) as response:
                await _finish(response)
                return Outcome.EXISTS if response.status_code == 201 else _upload_url(response, target, what)
        except Unauthenticated as error:
            raise _denied(error) from error

    async def _put(self, place: str, media_type: str, target: Descriptor, body: Body, what: str) -> None:
        headers = {"Content-Type": media_type}
        try:
            async with self._connection.request("PUT", place, what, headers, body=body) as response:
                await _finish(response)
                _check_digest(response, target, what)
        except Unauthenticated as error:
            raise _denied(error) from error

    async def _with_retries(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Each attempt is a whole one: what has arrived of an upload is not known, and cannot be relied on."""
        for pause in self._pauses:
            try:
                return await attempt()
            except Interrupted as error:
                if _is_patience_at_its_end(error):
                    raise
                await asyncio.sleep(pause)
        return await attempt()


def _is_patience_at_its_end(error: Interrupted) -> bool:
    """Who was silent for long, or is not there, is not waited for again."""
    import httpx

    return isinstance(error.__cause__, TimeoutError | httpx.TimeoutException | httpx.ConnectError)


def _upload_url(response: "httpx.Response", target: Descriptor, what: str) -> str:
    """The Location of an upload, relative or absolute, with the digest as its last parameter."""
    location = response.headers.get("location", "")
    if not location:
        raise InvalidArgument(f"{what}: the registry takes an upload, but does not say where")
    place = response.url.join(location)
    if place.scheme not in ("http", "https") or not place.host:
        raise InvalidArgument(f"{what}: the registry wants the upload at what is no URL of http or https")
    if response.url.scheme == "https" and place.scheme != "https":
        raise InvalidArgument(f"{what}: the registry wants the upload at http, but speaks https itself")
    url = str(place).partition("#")[0]
    return f"{url}{'&' if '?' in url else '?'}digest={quote(target.digest, safe=':')}"


def _check_digest(response: "httpx.Response", target: Descriptor, what: str) -> None:
    told = response.headers.get("docker-content-digest", "")
    if told and told != target.digest:
        raise InvalidArgument(f"{what}: the registry has stored {told[:80]!r} instead")


def _denied(error: Unauthenticated) -> Unauthenticated:
    sentence = "push access denied, repository does not exist or may require authorization"
    return Unauthenticated(f"{sentence}: {error.message}")


async def _finish(response: "httpx.Response") -> None:
    await read_bounded(response, _ANSWER_LIMIT)


async def _only(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data

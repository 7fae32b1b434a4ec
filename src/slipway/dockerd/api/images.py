"""Routes of images."""

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import orjson

from slipway.base.errors import EngineError, InvalidArgument, NotImplementedByEngine
from slipway.clients.containerd.transfer import Credentials
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.engine_api.auth import AuthConfig
from slipway.contracts.engine_api.filters import Filters
from slipway.contracts.engine_api.schema import decode
from slipway.dockerd.api.parameters import json_from_bytes
from slipway.dockerd.api.platforms import only_platform, platform_from_document, platform_from_text, refuse_foreign
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import JSON, Call, Route, empty_response, json_response
from slipway.dockerd.images.interface import Images
from slipway.dockerd.images.model import ImageUse
from slipway.transport.aio.http_messages import Answer, StreamResponse

# What inspect shows of an image's configuration also where the image does not say it; until API 1.49 more.
CONFIG_FIELDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes")),
    **dict.fromkeys(("User", "WorkingDir"), ""),
}
OLD_CONFIG_FIELDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("AttachStderr", "AttachStdin", "AttachStdout", "OpenStdin", "StdinOnce", "Tty"), False),
    **dict.fromkeys(("Domainname", "Hostname", "Image"), ""),
}
AUTH_LIMIT: Final = 64 * 1024


class Backend(Images, Protocol):
    """What these routes need beyond the noun's interface."""

    async def prune(self, filters: Filters, uses: Callable[[], Sequence[ImageUse]]) -> dict[str, Any]: ...
    async def check_platform(self, reference: str, platform: Platform) -> None:
        """Raises NotFound where the image is for another platform."""


class ImageRoutes:
    """`used` tells which images containers have, and one container of each; `uses` every such use."""

    def __init__(
        self, backend: Backend, used: Callable[[], Mapping[str, str]], uses: Callable[[], Sequence[ImageUse]]
    ) -> None:
        self._backend = backend
        self._used = used
        self._uses = uses
        self._gate = PruneGate()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/images/json", self.list),
            Route("POST", "/images/create", self.create),
            Route("POST", "/images/load", self.load),
            Route("POST", "/images/prune", self.prune, least="1.25"),
            Route("GET", "/images/get", self.save),
            Route("GET", "/images/{name:*}/get", self.save),
            Route("GET", "/images/{name:*}/json", self.inspect),
            Route("GET", "/images/{name:*}/history", self.history),
            Route("POST", "/images/{name:*}/tag", self.tag),
            Route("POST", "/images/{name:*}/push", self.push),
            Route("DELETE", "/images/{name:*}", self.remove),
        ]

    async def list(self, call: Call) -> Answer:
        filters = call.query.filters()
        if call.version < (1, 41) and (pattern := call.query.text("filter")):
            filters = filters.adding("reference", pattern)
        return json_response(await self._backend.select(filters))

    async def inspect(self, call: Call) -> Answer:
        if call.version >= (1, 49):
            await self._check_platform(call.names["name"], platform_from_document(call.query.text("platform")))
        document = await self._backend.inspect(call.names["name"])
        always = CONFIG_FIELDS if call.version >= (1, 50) else CONFIG_FIELDS | OLD_CONFIG_FIELDS
        return json_response({**document, "Config": {**always, **document["Config"]}})

    async def _check_platform(self, reference: str, platform: Platform | None) -> None:
        if platform is not None:
            await self._backend.check_platform(reference, platform)

    async def history(self, call: Call) -> Answer:
        if call.version >= (1, 48):
            await self._check_platform(call.names["name"], platform_from_document(call.query.text("platform")))
        return json_response(await self._backend.history(call.names["name"]))

    async def tag(self, call: Call) -> Answer:
        query = call.query
        await self._backend.tag(call.names["name"], query.text("repo"), query.text("tag"))
        return empty_response(201)

    async def remove(self, call: Call) -> Answer:
        if call.query.has("platforms"):  # of any version: all platforms would go instead
            raise NotImplementedByEngine("removing single platforms of an image is not supported by this engine yet")
        force = call.query.boolean("force")
        return json_response(await self._backend.remove(call.names["name"], force=force, used=self._used()))

    async def prune(self, call: Call) -> Answer:
        with self._gate.pass_alone():
            return json_response(await self._backend.prune(call.query.filters(), self._uses))

    async def create(self, call: Call) -> Answer:
        """Pull, or import with fromSrc."""
        query = call.query
        if query.text("fromSrc"):
            return await self._import(call)
        name, tag = query.text("fromImage"), query.text("tag")
        if not name:
            raise InvalidArgument("invalid reference format")
        credentials = credentials_from_header(call.headers.get("x-registry-auth", ""))
        return await _message_stream(
            self._backend.pull(name, tag, platform_from_text(query.text("platform")), credentials)
        )

    async def _import(self, call: Call) -> Answer:
        query = call.query
        if call.version >= (1, 32):
            refuse_foreign(platform_from_text(query.text("platform")), "importing images")
        messages = self._backend.import_tar(
            query.text("fromSrc"),
            call.body.read_chunk,
            repository=query.text("repo"),
            tag=query.text("tag"),
            changes=query.texts("changes"),
            message=query.text("message"),
        )
        return await _message_stream(messages)

    async def push(self, call: Call) -> Answer:
        """A login that cannot be read is none, as with the original; platforms count since API 1.46."""
        try:
            credentials = credentials_from_header(call.headers.get("x-registry-auth", ""))
        except InvalidArgument:
            credentials = None
        platform = platform_from_document(call.query.text("platform")) if call.version >= (1, 46) else None
        name, tag = call.names["name"], call.query.text("tag")
        return await _message_stream(self._backend.push(name, tag, platform, credentials))

    async def load(self, call: Call) -> Answer:
        if call.version >= (1, 48):
            refuse_foreign(only_platform(call.query), "loading images")
        return await _message_stream(self._backend.load(call.body.read_chunk, quiet=call.query.boolean("quiet")))

    async def save(self, call: Call) -> Answer:
        names: Sequence[str] = [call.names["name"]] if "name" in call.names else call.query.texts("names")
        if not names:
            raise InvalidArgument("no image names given")
        if call.version >= (1, 48):
            platform = only_platform(call.query)
            for name in names:
                await self._check_platform(name, platform)
        chunks = self._backend.save(names)
        first = await anext(chunks, b"")  # what cannot be saved is refused before the headers

        async def body() -> AsyncIterator[bytes]:
            yield first
            async for chunk in chunks:
                yield chunk

        return StreamResponse(chunks=body(), headers={"Content-Type": "application/x-tar"})


def credentials_from_header(header: str) -> Credentials | None:
    """X-Registry-Auth: JSON in URL-safe base64. None when it is absent or empty. Raises InvalidArgument."""
    if not header:
        return None
    if len(header) > AUTH_LIMIT:
        raise InvalidArgument("invalid X-Registry-Auth header: too long")
    try:
        data = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument("invalid X-Registry-Auth header: not base64") from error
    document = json_from_bytes(data or b"{}", "X-Registry-Auth")
    return credentials_from_document(document)


def credentials_from_document(document: object) -> Credentials | None:
    """Raises InvalidArgument."""
    if not isinstance(document, dict):
        raise InvalidArgument("invalid credentials: an object is needed")
    said = decode(AuthConfig, document, "credentials")
    if not (said.username or said.password or said.identity_token):
        return None
    return Credentials(username=said.username, password=said.password, identity_token=said.identity_token)


async def _message_stream(messages: AsyncIterator[dict[str, Any]]) -> Answer:
    """JSON messages, one per line. What fails before the first is an HTTP error, later a message with `error`."""
    try:
        first = await anext(messages)
    except StopAsyncIteration:
        first = None

    async def body() -> AsyncIterator[bytes]:
        if first is not None:
            yield orjson.dumps(first) + b"\r\n"
        try:
            async for message in messages:
                yield orjson.dumps(message) + b"\r\n"
        except EngineError as error:
            yield orjson.dumps({"errorDetail": {"message": str(error)}, "error": str(error)}) + b"\r\n"

    return StreamResponse(chunks=body(), headers=JSON)

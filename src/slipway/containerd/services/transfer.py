"""containerd.services.transfer.v1: which source goes to which destination decides what is done."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.empty_pb2 import Empty

from slipway.base.errors import EngineError, NotImplementedByEngine
from slipway.containerd.metadata.model import Scope
from slipway.containerd.services import transfer_messages as decode
from slipway.containerd.services.messages import descriptor_message
from slipway.containerd.services.scope import scope_of
from slipway.containerd.services.streams import (
    NamedStream,
    StreamSink,
    StreamSource,
    StreamsService,
    any_of,
    message_from,
)
from slipway.containerd.transfer.interface import Report, Transfer
from slipway.containerd.transfer.model import AuthChallenge, Credentials, Progress
from slipway.contracts.containerd_api.generated import transfer_types_pb2 as types
from slipway.transport.aio.grpc_server import Call

_COPY_SECONDS: Final = 0.1
_FLUSH_SECONDS: Final = 1.0
_CREDENTIAL_KINDS: Final = {types.CREDENTIALS: "credentials", types.REFRESH: "refresh", types.HEADER: "header"}


class TransferService:
    def __init__(self, transfer: Transfer, streams: StreamsService) -> None:
        self._transfer = transfer
        self._streams = streams
        self._pairs: dict[tuple[str, str], Callable[..., Awaitable[None]]] = {
            ("OCIRegistry", "ImageStore"): self._pull,
            ("ImageStore", "OCIRegistry"): self._push,
            ("ImageImportStream", "ImageStore"): self._import,
            ("ImageImportStream", "ImageExportStream"): self._echo,
            ("ImageStore", "ImageExportStream"): self._export,
            ("ImageStore", "ImageStore"): self._tag,
        }

    async def transfer(self, call: Call, request: Any) -> Any:
        scope = scope_of(call)
        progress = self._stream_or_none(scope, request.options.progress_stream)
        ends = request.source, request.destination
        handler = self._pairs.get((_kind(request.source), _kind(request.destination)))
        if handler is None:
            raise _refusal(*ends)
        decoded = (message_from(value, getattr(types, _kind(value))) for value in ends)
        await handler(scope, *decoded, _reporter(progress))
        if progress is not None:
            await progress.flush(_FLUSH_SECONDS)  # who hears that it is done hears no more of how it went
        return Empty()

    async def _pull(self, scope: Scope, source: Any, destination: Any, report: Report) -> None:
        registry = decode.registry(source, self._asker(scope, source.resolver.auth_stream))
        await self._transfer.pull(scope, registry, decode.image_store(destination), report)

    async def _push(self, scope: Scope, source: Any, destination: Any, report: Report) -> None:
        registry = decode.registry(destination, self._asker(scope, destination.resolver.auth_stream))
        await self._transfer.push(scope, decode.image_store(source), registry, report)

    async def _import(self, scope: Scope, source: Any, destination: Any, report: Report) -> None:
        stream = self._streams.get(scope.namespace, source.stream)
        try:
            await self._transfer.import_archive(
                scope,
                StreamSource(stream),
                decode.image_store(destination),
                report,
                force_compress=source.force_compress,
            )
        finally:
            await stream.close()

    async def _export(self, scope: Scope, source: Any, destination: Any, report: Report) -> None:
        stream = self._streams.get(scope.namespace, destination.stream)
        try:
            await self._transfer.export_archive(
                scope, decode.image_store(source), StreamSink(stream), decode.export_options(destination), report
            )
        finally:
            await stream.close()
        # `ctr` copies to its file beside this call, and exits at its answer, whatever it has not copied: up to 128 KiB
        # of the archive's end were lost, with status 0 (one export of some twenty, beside others who worked). The
        # protocol has no word for "I have it all".
        await asyncio.sleep(_COPY_SECONDS)

    async def _echo(self, scope: Scope, source: Any, destination: Any, report: Report) -> None:
        """What comes in goes out again, as with the original: a test of streams."""
        incoming = self._streams.get(scope.namespace, source.stream)
        outgoing = self._streams.get(scope.namespace, destination.stream)
        reader, writer = StreamSource(incoming), StreamSink(outgoing)
        try:
            while data := await reader.read():
                await writer.write(data)
        finally:
            await incoming.close()
            await outgoing.close()

    async def _tag(self, scope: Scope, source: Any, destination: Any, report: Report) -> None:
        if source.name == destination.name and destination.unpacks:
            await self._transfer.unpack(scope, decode.image_store(destination), report)
        else:
            await self._transfer.tag(scope, decode.image_store(source), decode.image_store(destination))

    def _stream_or_none(self, scope: Scope, name: str) -> NamedStream | None:
        return self._streams.get(scope.namespace, name) if name else None

    def _asker(self, scope: Scope, name: str) -> Callable[[AuthChallenge], Awaitable[Credentials | None]] | None:
        stream = self._stream_or_none(scope, name)
        if stream is None:
            return None

        async def ask(challenge: AuthChallenge) -> Credentials | None:
            await stream.send(
                types.AuthRequest(
                    host=challenge.host,
                    reference=challenge.reference,
                    wwwauthenticate=challenge.www_authenticate,
                )
            )
            answer = await stream.receive()
            return None if answer is None else _credentials(message_from(answer, types.AuthResponse))

        return ask


def _reporter(stream: NamedStream | None) -> Report:
    """May be called from any thread, in which layers are unpacked."""
    if stream is None:
        return lambda progress: None
    loop, thread = asyncio.get_running_loop(), threading.get_ident()

    def report(progress: Progress) -> None:
        if threading.get_ident() == thread:
            stream.send_nowait(_progress_message(progress))
        else:
            loop.call_soon_threadsafe(stream.send_nowait, _progress_message(progress))

    return report


def _kind(value: Any) -> str:
    """The short name of a transfer type in an Any; empty for what is none."""
    name: str = value.type_url.rpartition("/")[2]
    return name.removeprefix("containerd.types.transfer.") if name.startswith("containerd.types.transfer.") else ""


def _refusal(*ends: Any) -> EngineError:
    """Of a pair that nobody moves images between: as the original says it, a type that it does not know before that."""
    for value in ends:
        try:
            descriptor_pool.Default().FindMessageTypeByName(value.type_url.rpartition("/")[2])
        except KeyError:
            return EngineError(f"type with url {value.type_url}: not found")
    source, destination = (value.type_url for value in ends)
    return NotImplementedByEngine(f"method Transfer not implemented for {source} to {destination}")


def _credentials(message: Any) -> Credentials | None:
    kind = _CREDENTIAL_KINDS.get(message.authType)
    return None if kind is None else Credentials(kind=kind, username=message.username, secret=message.secret)


def _progress_message(progress: Progress) -> Any:
    message = types.Progress(
        event=progress.event,
        name=progress.name,
        parents=progress.parents,
        progress=progress.progress,
        total=progress.total,
    )
    if progress.descriptor is not None:
        message.desc.CopyFrom(descriptor_message(progress.descriptor))
    return any_of(message)

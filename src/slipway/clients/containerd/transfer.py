"""containerd's transfer service: pull, push, load and save. dockerd itself moves no image."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from slipway.base.errors import NotImplementedByEngine
from slipway.base.references import registry_host
from slipway.clients.containerd.calls import Connection, service_methods
from slipway.clients.containerd.streams import (
    cancel_quietly,
    new_stream_id,
    open_stream,
    receive_bytes,
    send_bytes,
    typed,
)
from slipway.clients.containerd.version import version
from slipway.contracts.containerd_api.generated import transfer_pb2, transfer_types_pb2, types_pb2
from slipway.contracts.containerd_api.types import MOUNTED_FROM, Platform
from slipway.transport.aio.grpc_client import ChannelStream
from slipway.wire.tar_end import ArchiveEnd

METHODS: Final = service_methods(transfer_pb2.DESCRIPTOR, "Transfer")
_SETTLE_SECONDS: Final = 0.2
_OURS: Final = "slipway-"  # how the revision of our own containerd begins
OCI_ARCHIVE: Final = "application/vnd.oci.image.layout.v1+tar"


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One step of a transfer: `event` in containerd's words (downloading, complete, saved, ...); bytes.

    `mounted_from`: the repository that a pushed blob was taken from, as our own containerd tells.
    """

    event: str
    name: str
    progress: int
    total: int
    mounted_from: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What a registry is told. `identity_token` replaces the password."""

    username: str = ""
    password: str = ""
    identity_token: str = ""


OnProgress = Callable[[Progress], None]


class Transfer:
    """Calls of one connection; images are unpacked into one snapshotter."""

    def __init__(self, connection: Connection, snapshotter: str) -> None:
        self._connection = connection
        self._snapshotter = snapshotter

    async def pull(
        self,
        reference: str,
        platform: Platform,
        on_progress: OnProgress,
        *,
        credentials: Credentials | None = None,
        default_scheme: str = "",
        host_dir: str = "",
    ) -> None:
        """Fetch and unpack `reference` (complete: docker.io/library/nginx:latest) under its own name.

        `host_dir` holds hosts.toml files that say how registries are reached. The credentials are for the registry of
        `reference` alone, not for its mirrors. Raises NotFound, Unauthenticated, PermissionDenied, Unavailable, and
        NotImplementedByEngine for a `host_dir` that this containerd would pass over. Cancelling ends the transfer.
        """
        async with AsyncExitStack() as stack:
            source = await self._registry(stack, reference, credentials, default_scheme, host_dir)
            destination = self._store(platform, name=reference)
            await self._transfer(source, destination, on_progress)

    async def push(
        self,
        name: str,
        reference: str,
        on_progress: OnProgress,
        *,
        credentials: Credentials | None = None,
        default_scheme: str = "",
        host_dir: str = "",
    ) -> None:
        """Send the image `name` of the store to `reference` (complete), with every platform that it names.

        Raises as `pull`; NotFound also for content that neither the store nor the registry has.
        """
        async with AsyncExitStack() as stack:
            destination = await self._registry(stack, reference, credentials, default_scheme, host_dir)
            await self._transfer(transfer_types_pb2.ImageStore(name=name), destination, on_progress)

    async def load(
        self, read: Callable[[], Awaitable[bytes]], platform: Platform, prefix: str, on_progress: OnProgress
    ) -> None:
        """Store and unpack the images of an archive (OCI layout or docker save). Unnamed ones become PREFIX@DIGEST."""
        stream_id = new_stream_id("import")
        destination = self._store(platform, name="")
        destination.extra_references.append(
            transfer_types_pb2.ImageReference(
                name=prefix, is_prefix=True, allow_overwrite=True, add_digest=True, skip_named_digest=True
            )
        )
        source = transfer_types_pb2.ImageImportStream(stream=stream_id)
        archive = _Archive(read)
        async with open_stream(self._connection, stream_id) as stream:
            sending = asyncio.get_running_loop().create_task(send_bytes(stream, archive.read), name="image import")
            transfer = asyncio.get_running_loop().create_task(
                self._transfer(source, destination, on_progress), name="image import's transfer"
            )
            try:
                await asyncio.wait((sending, transfer), return_when=asyncio.FIRST_COMPLETED)
                if archive.broke_off:
                    await sending  # containerd would wait for the rest of it for ever
                await transfer  # also when containerd has ended the stream: its reply says why
            finally:
                await cancel_quietly(transfer)
                await cancel_quietly(sending)

    async def save(self, names: Sequence[str], platform: Platform, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Write an archive of images, by complete names."""
        stream_id = new_stream_id("export")
        source = transfer_types_pb2.ImageStore(name=names[0])
        source.extra_references.extend(transfer_types_pb2.ImageReference(name=name) for name in names[1:])
        destination = transfer_types_pb2.ImageExportStream(
            stream=stream_id, media_type=OCI_ARCHIVE, platforms=[_platform_message(platform)]
        )
        async with open_stream(self._connection, stream_id) as stream:
            receiving = asyncio.get_running_loop().create_task(_receive_archive(stream, write), name="image export")
            try:
                await self._transfer(source, destination)
                await asyncio.wait([receiving])  # the transfer has succeeded: whatever ended the stream, it is whole
            finally:
                await cancel_quietly(receiving)

    async def unpack(self, name: str, platform: Platform) -> None:
        """Make the snapshots of an image that the store has."""
        source = transfer_types_pb2.ImageStore(name=name)
        await self._transfer(source, self._store(platform, name=name))

    async def _registry(
        self, stack: AsyncExitStack, reference: str, credentials: Credentials | None, default_scheme: str, host_dir: str
    ) -> Any:
        """An image in a registry; until `stack` ends, containerd can ask for its credentials."""
        if host_dir:
            await self._check_host_folders()
        resolver = transfer_types_pb2.RegistryResolver(default_scheme=default_scheme, host_dir=host_dir)
        if credentials is not None:
            host = registry_host(reference.partition("/")[0])
            resolver.auth_stream = await stack.enter_async_context(self._authentication(credentials, host))
        return transfer_types_pb2.OCIRegistry(reference=reference, resolver=resolver)

    async def _transfer(self, source: Any, destination: Any, on_progress: OnProgress | None = None) -> None:
        stream_id = new_stream_id("progress")
        request = transfer_pb2.TransferRequest(
            source=typed(source),
            destination=typed(destination),
            options=transfer_pb2.TransferOptions(progress_stream=stream_id),
        )
        async with open_stream(self._connection, stream_id) as stream:
            steps = _Steps(on_progress or (lambda _: None))
            watching = asyncio.get_running_loop().create_task(steps.watch(stream), name="transfer progress")
            try:
                await self._connection.call(METHODS["transfer"], request, timeout=None)
                if on_progress is not None:
                    await _settle(watching, steps)
            finally:
                await cancel_quietly(watching)

    def _store(self, platform: Platform, *, name: str) -> Any:
        wanted = _platform_message(platform)
        unpack = transfer_types_pb2.UnpackConfiguration(platform=wanted, snapshotter=self._snapshotter)
        return transfer_types_pb2.ImageStore(name=name, platforms=[wanted], unpacks=[unpack])

    async def _check_host_folders(self) -> None:
        """The transfer service of containerd 1.7 would ask the registry itself, without a word."""
        told, revision = await version(self._connection)
        if told.removeprefix("v").startswith("1.") and not revision.startswith(_OURS):
            raise NotImplementedByEngine(
                f"registry mirrors, insecure registries and certificates need containerd 2.0 or newer; this is {told}"
            )

    @asynccontextmanager
    async def _authentication(self, credentials: Credentials, host: str) -> AsyncIterator[str]:
        """A stream on which containerd asks for the credentials of a host."""
        stream_id = new_stream_id("auth")
        async with open_stream(self._connection, stream_id) as stream:
            answering = asyncio.get_running_loop().create_task(_answer(stream, credentials, host), name="registry auth")
            try:
                yield stream_id
            finally:
                await cancel_quietly(answering)


async def _receive_archive(stream: ChannelStream, write: Callable[[bytes], Awaitable[None]]) -> None:
    """Until the archive says that it ends: the original containerd leaves the stream open after its last byte."""
    end = ArchiveEnd()

    async def take(piece: bytes) -> bool:
        await write(piece)
        end.feed(piece)
        return not end.reached

    await receive_bytes(stream, take)


class _Steps:
    """What a transfer's progress stream tells."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self.ended = asyncio.Event()

    async def watch(self, stream: Any) -> None:
        async for message in stream:
            step = transfer_types_pb2.Progress.FromString(message.value)
            self._on_progress(
                Progress(
                    event=step.event,
                    name=step.name,
                    progress=step.progress,
                    total=step.total,
                    mounted_from=step.desc.annotations.get(MOUNTED_FROM, ""),
                )
            )
            if not step.name and step.event.startswith("Completed"):
                self.ended.set()


async def _settle(watching: "asyncio.Task[None]", steps: _Steps) -> None:
    """The last steps were sent before the reply, but may be read after it."""
    ended = asyncio.get_running_loop().create_task(steps.ended.wait(), name="end of transfer progress")
    try:
        await asyncio.wait((watching, ended), timeout=_SETTLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_quietly(ended)


async def _answer(stream: Any, credentials: Credentials, host: str) -> None:
    async for message in stream:
        if transfer_types_pb2.AuthRequest.FromString(message.value).host != host:
            reply = transfer_types_pb2.AuthResponse(authType=transfer_types_pb2.NONE)  # a mirror's secrets are others
        elif credentials.identity_token:
            reply = transfer_types_pb2.AuthResponse(
                authType=transfer_types_pb2.REFRESH, secret=credentials.identity_token
            )
        else:
            reply = transfer_types_pb2.AuthResponse(
                authType=transfer_types_pb2.CREDENTIALS, username=credentials.username, secret=credentials.password
            )
        await stream.send(typed(reply))


class _Archive:
    """What a client sends; remembers whether that failed, as opposed to the stream that takes it."""

    def __init__(self, read: Callable[[], Awaitable[bytes]]) -> None:
        self._read = read
        self.broke_off = False

    async def read(self) -> bytes:
        try:
            return await self._read()
        except BaseException:
            self.broke_off = True
            raise


def _platform_message(platform: Platform) -> types_pb2.Platform:
    return types_pb2.Platform(os=platform.os, architecture=platform.architecture, variant=platform.variant)

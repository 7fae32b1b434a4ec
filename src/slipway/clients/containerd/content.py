"""containerd's content service: blobs by digest."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import AlreadyExists, InvalidArgument
from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import content_pb2

METHODS: Final = service_methods(content_pb2.DESCRIPTOR, "Content")
WRITE_SIZE: Final = 1024 * 1024  # well below gRPC's usual message limit of 4 MiB


@dataclass(frozen=True, kw_only=True, slots=True)
class BlobInfo:
    """A blob that the store has."""

    digest: str
    size: int
    labels: Mapping[str, str]


class Content:
    """Calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, digest: str, *, limit: int) -> bytes:
        """A whole small blob. Raises NotFound, InvalidArgument when it has more than `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        async for part in self.read_parts(digest):
            size += len(part)
            if size > limit:
                raise InvalidArgument(f"read blob {digest}: more than {limit} bytes")
            parts.append(part)
        return b"".join(parts)

    async def read_parts(self, digest: str) -> AsyncIterator[bytes]:
        """A blob of any size, piece by piece."""
        async for reply in self._connection.replies(METHODS["read"], content_pb2.ReadContentRequest(digest=digest)):
            yield reply.data

    async def write(self, reference: str, digest: str, data: bytes, labels: Mapping[str, str]) -> None:
        """Store `data` under `digest`; it being there already is as good. `reference` names the ingestion."""
        stat = content_pb2.WriteContentRequest(action=content_pb2.STAT, ref=reference, total=len(data), expected=digest)
        try:
            async with self._connection.open(METHODS["write"]) as stream:
                await stream.send(stat)
                offset = (await stream.receive()).offset
                while offset < len(data):
                    part = data[offset : offset + WRITE_SIZE]
                    await stream.send(
                        content_pb2.WriteContentRequest(
                            action=content_pb2.WRITE, ref=reference, offset=offset, data=part
                        )
                    )
                    await stream.receive()
                    offset += len(part)
                commit = content_pb2.WriteContentRequest(
                    action=content_pb2.COMMIT,
                    ref=reference,
                    total=len(data),
                    offset=len(data),
                    expected=digest,
                    labels=dict(labels),
                )
                await stream.send(commit, last=True)
                await stream.receive()
        except AlreadyExists:
            return

    async def list(self, filters: Sequence[str] = ()) -> list[BlobInfo]:
        """What the store has of this namespace."""
        request = content_pb2.ListContentRequest(filters=filters)
        return [
            BlobInfo(digest=info.digest, size=info.size, labels=dict(info.labels))
            async for reply in self._connection.replies(METHODS["list"], request)
            for info in reply.info
        ]

    async def info(self, digest: str) -> BlobInfo:
        """Raises NotFound."""
        reply = await self._connection.call(METHODS["info"], content_pb2.InfoRequest(digest=digest))
        return BlobInfo(digest=reply.info.digest, size=reply.info.size, labels=dict(reply.info.labels))

"""containerd.services.content.v1"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.empty_pb2 import Empty

from slipway.base.errors import InvalidArgument, NotFound, OutOfRange
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.content.model import ContentInfo, IngestStatus
from slipway.containerd.services.content_write import WriteSession
from slipway.containerd.services.messages import timestamp
from slipway.containerd.services.scope import scope_of
from slipway.contracts.containerd_api.generated import content_pb2 as api
from slipway.contracts.containerd_api.words import digest_fault, quoted
from slipway.transport.aio.grpc_server import Call

LIST_CHUNK = 100
# Fits one message with room to spare; the original reads with the same.
READ_CHUNK = 1 << 20


class ContentService:
    def __init__(self, store: ContentStore) -> None:
        self._store = store

    async def info(self, call: Call, request: Any) -> Any:
        _check_digest(request.digest)
        info = self._store.info(scope_of(call), request.digest)
        return api.InfoResponse(info=_info_message(info))

    async def update(self, call: Call, request: Any) -> Any:
        info = request.info
        _check_digest(info.digest)
        updated = await asyncio.to_thread(
            self._store.update, scope_of(call), info.digest, dict(info.labels), list(request.update_mask.paths)
        )
        return api.UpdateResponse(info=_info_message(updated))

    async def list(self, call: Call, request: Any) -> AsyncIterator[Any]:
        found = await asyncio.to_thread(self._store.list, scope_of(call), [*request.filters])
        for start in range(0, len(found), LIST_CHUNK):
            yield api.ListContentResponse(info=map(_info_message, found[start : start + LIST_CHUNK]))

    async def delete(self, call: Call, request: Any) -> Any:
        if fault := digest_fault(request.digest):
            raise InvalidArgument(fault)
        await asyncio.to_thread(self._store.delete, scope_of(call), request.digest)
        return Empty()

    async def read(self, call: Call, request: Any) -> AsyncIterator[Any]:
        """Replies count their offsets from where the reading begins, as the original's do."""
        if fault := digest_fault(request.digest):
            raise InvalidArgument(f"{request.digest}: {fault}")
        reader = await asyncio.to_thread(self._store.reader, scope_of(call), request.digest)
        with reader:
            begin = max(request.offset, 0)
            end = _end_of_read(reader.size, begin, request.size)
            offset = begin
            while offset < end:
                data = await asyncio.to_thread(reader.read_at, offset, min(READ_CHUNK, end - offset))
                if not data:
                    return
                yield api.ReadContentResponse(offset=offset - begin, data=data)
                offset += len(data)

    async def status(self, call: Call, request: Any) -> Any:
        try:
            status = await asyncio.to_thread(self._store.status, scope_of(call), request.ref)
        except NotFound as error:
            raise NotFound(f"could not get status for ref {quoted(request.ref)}: {error}") from error
        return api.StatusResponse(status=_status_message(status))

    async def list_statuses(self, call: Call, request: Any) -> Any:
        found = await asyncio.to_thread(self._store.statuses, scope_of(call), [*request.filters])
        return api.ListStatusesResponse(statuses=map(_status_message, found))

    async def write(self, call: Call, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        session = WriteSession(self._store, scope_of(call))
        try:
            async for request in requests:
                yield await asyncio.to_thread(session.answer, request)
                if session.committed:
                    return
        finally:
            await asyncio.to_thread(session.close)

    async def abort(self, call: Call, request: Any) -> Any:
        await asyncio.to_thread(self._store.abort, scope_of(call), request.ref)
        return Empty()


def _end_of_read(blob_size: int, offset: int, size: int) -> int:
    """A size of nothing, or less, is all that is left."""
    if offset > blob_size:
        raise OutOfRange(f"read past object length {blob_size} bytes")
    return blob_size if size <= 0 else min(blob_size, offset + size)


def _check_digest(digest: str) -> None:
    if digest_fault(digest):
        raise InvalidArgument(f"{quoted(digest)} failed validation")


def _info_message(info: ContentInfo) -> api.Info:
    return api.Info(
        digest=info.digest,
        size=info.size,
        created_at=timestamp(info.created_at),
        updated_at=timestamp(info.updated_at),
        labels=info.labels,
    )


def _status_message(status: IngestStatus) -> api.Status:
    return api.Status(
        ref=status.ref,
        offset=status.offset,
        total=status.total,
        expected=status.expected,
        started_at=timestamp(status.started_at),
        updated_at=timestamp(status.updated_at),
    )

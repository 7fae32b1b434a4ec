"""One Write stream: its requests in order, each answered with where the ingest stands. Blocks on files."""

from typing import Any

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from slipway.containerd.content.interface import ContentStore, ContentWriter
from slipway.containerd.metadata.model import Scope
from slipway.containerd.services.messages import timestamp
from slipway.contracts.containerd_api.generated import content_pb2 as api


class WriteSession:
    """The first request opens the ingest by its ref; later ones may leave the ref out, and may not change it.

    STAT tells, WRITE appends (its offset, where given, must be where the ingest ends; 0 starts over), COMMIT ends.
    """

    def __init__(self, store: ContentStore, scope: Scope) -> None:
        self._store = store
        self._scope = scope
        self._ref = ""
        self._total = 0
        self._expected = ""
        self._writer: ContentWriter | None = None
        self.committed = False

    def answer(self, request: Any) -> Any:
        """Raises what the store raises, and InvalidArgument or FailedPrecondition for a request out of order."""
        writer = self._writer or self._open(request)
        self._take_promises(request)
        started = writer.status()
        reply = api.WriteContentResponse(
            action=request.action,
            started_at=timestamp(started.started_at),
            updated_at=timestamp(started.updated_at),
            total=self._total,
        )
        if request.action == api.WRITE:
            self._write(writer, request)
        elif request.action == api.COMMIT:
            self._write(writer, request)
            self._commit(writer, request)
        elif request.action != api.STAT:
            raise InvalidArgument(f"write content: unknown action {request.action}")
        reply.offset = writer.offset
        reply.digest = writer.digest
        return reply

    def close(self) -> None:
        """Let go of the ref; what was written stays for a resume."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, request: Any) -> ContentWriter:
        if not request.ref:
            raise InvalidArgument("write content: the first message must have a ref")
        self._ref = request.ref
        self._writer = self._store.writer(self._scope, request.ref, total=request.total, expected=request.expected)
        return self._writer

    def _take_promises(self, request: Any) -> None:
        if request.ref and request.ref != self._ref:
            raise InvalidArgument(f"write content: the ref changed from {self._ref!r} to {request.ref!r}")
        if request.expected:
            if self._expected and request.expected != self._expected:
                raise InvalidArgument("write content: the expected digest changed")
            self._check_absent(request.expected)
            self._expected = request.expected
        if request.total:
            if self._total and request.total != self._total:
                raise InvalidArgument(f"write content: the total changed from {self._total} to {request.total}")
            self._total = request.total

    def _check_absent(self, expected: str) -> None:
        if expected == self._expected:
            return
        if any(info.digest == expected for info in self._store.list(self._scope, [f"digest=={expected}"])):
            raise AlreadyExists(f"content {expected}: already exists")

    def _write(self, writer: ContentWriter, request: Any) -> None:
        if not request.data and not request.offset:
            return
        if request.offset == 0 and request.data and writer.offset:
            writer.truncate()
        elif request.offset != writer.offset:
            raise FailedPrecondition(f"write content: offset {request.offset} is not the end, {writer.offset}")
        if self._total and writer.offset + len(request.data) > self._total:
            raise FailedPrecondition(f"write content: more than the total of {self._total} bytes")
        writer.write(request.data)

    def _commit(self, writer: ContentWriter, request: Any) -> None:
        writer.commit(size=self._total, expected=self._expected, labels=dict(request.labels))
        self.committed = True

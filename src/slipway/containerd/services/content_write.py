"""One Write stream: its requests in order, each answered with where the ingest stands. Blocks on files."""

from typing import Any

from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound, OutOfRange
from slipway.containerd.content.interface import ContentStore, ContentWriter
from slipway.containerd.metadata.model import Scope
from slipway.containerd.services.messages import timestamp
from slipway.contracts.containerd_api.generated import content_pb2 as api


class WriteSession:
    """The first request opens the ingest by its ref; what later ones say of a ref does not count.

    STAT tells, WRITE appends (its offset, where given, must be where the ingest ends; 0 starts over), COMMIT does as
    WRITE and ends. The total and the digest that were said last are those that a commit has to keep.
    """

    def __init__(self, store: ContentStore, scope: Scope) -> None:
        self._store = store
        self._scope = scope
        self._ref = ""
        self._total = 0
        self._expected = ""
        self._writer: ContentWriter | None = None
        self._reply = api.WriteContentResponse()  # what a STAT has told stays in the replies to come
        self.committed = False

    def answer(self, request: Any) -> Any:
        """Raises what the store raises, and InvalidArgument or OutOfRange for a request out of order."""
        writer = self._writer or self._open(request)
        self._take_promises(writer, request)
        self._reply.action = request.action
        if request.action == api.STAT:
            status = writer.status()
            self._reply.started_at.CopyFrom(timestamp(status.started_at))
            self._reply.updated_at.CopyFrom(timestamp(status.updated_at))
            self._reply.total = self._total
        else:
            self._write(writer, request)
        self._reply.offset = writer.offset
        if request.action == api.COMMIT:
            writer.commit(size=self._total, expected=self._expected, labels=dict(request.labels))
            self.committed = True
        self._reply.digest = writer.digest
        return self._reply

    def close(self) -> None:
        """Let go of the ref; what was written stays for a resume."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, request: Any) -> ContentWriter:
        if not request.ref:
            raise InvalidArgument("first message must have a reference")
        self._ref = request.ref
        self._writer = self._store.writer(self._scope, request.ref, total=request.total, expected=request.expected)
        self._expected = request.expected
        return self._writer

    def _take_promises(self, writer: ContentWriter, request: Any) -> None:
        if request.expected and request.expected != self._expected:
            self._check_absent(writer, request.expected)
        self._expected = request.expected or self._expected
        self._total = request.total if request.total > 0 else self._total

    def _check_absent(self, writer: ContentWriter, expected: str) -> None:
        """The bytes of a blob that is there already are thrown away."""
        try:
            self._store.info(self._scope, expected)
        except (NotFound, InvalidArgument):
            return
        writer.close()
        self._store.abort(self._scope, self._ref)
        raise AlreadyExists(f"blob with expected digest {expected} exists")

    def _write(self, writer: ContentWriter, request: Any) -> None:
        if request.offset > 0 and request.offset != writer.offset:
            raise OutOfRange(f"write @{request.offset} must occur at current offset {writer.offset}")
        if request.offset == 0 and writer.offset:
            writer.truncate()
        if request.data:
            writer.write(request.data)

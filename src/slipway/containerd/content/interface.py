"""The content store: its contract. Every method blocks on files or on the database: call it from a thread."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from slipway.containerd.content.model import ContentInfo, IngestStatus
from slipway.containerd.metadata.model import Scope

# What this daemon writes under a ref of this start it never goes on with: a new daemon removes it.
NEVER_RESUMED: Final = "unresumed-"


class ContentReader(Protocol):
    """An open blob. Use as a context manager, or close it; it stays readable while the blob is removed."""

    size: int

    def fileno(self) -> int:
        """A read-only descriptor of the blob's file (for sendfile, mmap, or a worker process)."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; empty at the end. Safe from several threads."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ContentWriter(Protocol):
    """An open ingest, locked by its ref. Closing without commit keeps the bytes for a later resume.

    `offset` bytes have been written, by this writer and by those before it; `digest` is that of these bytes.
    """

    @property
    def offset(self) -> int: ...

    @property
    def digest(self) -> str: ...

    def status(self) -> IngestStatus: ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`. Raises Unavailable when the disk is full or fails."""
        ...

    def truncate(self) -> None:
        """Throw away all bytes and start over at offset 0."""
        ...

    def commit(self, *, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> ContentInfo:
        """Make the bytes a blob of the scope: file synced, then the row; then the ingest is gone and the writer closed.

        Raises FailedPrecondition when `size` (if not 0) or `expected` (if not empty) differs from what was written, and
        AlreadyExists when the namespace has the blob (its labels are then left as they are). A crash leaves the ingest,
        or the blob, never half of one.
        """
        ...

    def close(self) -> None:
        """Release the lock on the ref. After commit: nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ContentStore(Protocol):
    """Blobs by digest. A blob's bytes are stored once; each namespace has its own row and labels."""

    def info(self, scope: Scope, digest: str) -> ContentInfo:
        """Raises NotFound, and InvalidArgument for what is not a digest."""
        ...

    def list(self, scope: Scope, filters: Sequence[str] = ()) -> list[ContentInfo]:
        """All blobs of the namespace that one of the filters matches (no filter: all), by digest."""
        ...

    def update(self, scope: Scope, digest: str, labels: Mapping[str, str], fields: Iterable[str] = ()) -> ContentInfo:
        """Change labels. `fields` as in containerd's masks: empty or `labels` replaces all, `labels.KEY` sets one of
        them (an absent or empty value removes it). Raises NotFound, InvalidArgument."""
        ...

    def delete(self, scope: Scope, digest: str) -> None:
        """Forget the blob in this namespace; its file goes with the next collection. Raises NotFound."""
        ...

    def reader(self, scope: Scope, digest: str) -> ContentReader:
        """Raises NotFound."""
        ...

    def read(self, scope: Scope, digest: str, *, limit: int = 8 << 20) -> bytes:
        """The whole of a small blob, such as a manifest. Raises NotFound; InvalidArgument above `limit` bytes."""
        ...

    def writer(self, scope: Scope, ref: str, *, total: int = 0, expected: str = "") -> ContentWriter:
        """Open the ingest `ref`, new or resumed. Raises AlreadyExists when `expected` is a blob of the namespace
        already, and Unavailable when another writer has the ref. A blob known to another namespace is shared without
        its bytes when `expected` names it: the writer then starts at its full offset, and commit is all that is left to
        do.
        """
        ...

    def status(self, scope: Scope, ref: str) -> IngestStatus:
        """Raises NotFound."""
        ...

    def statuses(self, scope: Scope, filters: Sequence[str] = ()) -> Sequence[IngestStatus]: ...

    def abort(self, scope: Scope, ref: str) -> None:
        """Throw the ingest away; a writer that has it open commits nothing any more. Raises NotFound."""
        ...

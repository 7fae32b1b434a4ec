"""An open ingest: bytes appended, hashed on the way, and made a blob by commit."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from slipway.base.errors import FailedPrecondition, Unavailable
from slipway.base.files import write_all
from slipway.containerd.content.ingests import read_ingest
from slipway.containerd.content.model import ContentInfo, IngestStatus
from slipway.contracts.containerd_api.words import quoted

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FinishedIngest:
    """What a writer hands to the store: the file with every byte in it, synced, and what it is."""

    path: str
    digest: str
    size: int


class CommitBlob(Protocol):
    def __call__(self, finished: FinishedIngest, labels: Mapping[str, str]) -> ContentInfo:
        """Make the file a blob of the namespace and remove the ingest. Raises AlreadyExists."""
        ...


class FileWriter:
    """See interface.ContentWriter. `release` gives the lock on the ref back; it is called once."""

    def __init__(
        self, path: str, ref: str, commit: CommitBlob, release: Callable[[], None], *, algorithm: str = "sha256"
    ) -> None:
        self._path = path
        self._ref = ref
        self._commit = commit
        self._release: Callable[[], None] | None = release
        self._algorithm = algorithm
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(f"{path}/data", flags, 0o600)
        self._offset = 0
        self._hash = hashlib.new(algorithm)
        self._take_up()

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def digest(self) -> str:
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def status(self) -> IngestStatus:
        return read_ingest(self._path)[1]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        try:
            write_all(self._descriptor, data)  # type: ignore[arg-type] # any buffer will do
        except OSError as error:
            self._cut_to_offset()
            raise Unavailable(f"write content: {error.strerror}") from error
        self._hash.update(data)
        self._offset += len(data)

    def truncate(self) -> None:
        self._offset = 0
        self._hash = hashlib.new(self._algorithm)
        self._cut_to_offset()

    def commit(self, *, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> ContentInfo:
        _check_promises(self._ref, self, size, expected)
        os.fsync(self._descriptor)
        try:
            return self._commit(FinishedIngest(self._path, self.digest, self._offset), labels or {})
        finally:
            self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._release is not None:
            self._release()
            self._release = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_up(self) -> None:
        """Hash what an earlier writer left, so that writing goes on behind it."""
        while chunk := os.read(self._descriptor, _CHUNK):
            self._hash.update(chunk)
            self._offset += len(chunk)

    def _cut_to_offset(self) -> None:
        os.ftruncate(self._descriptor, self._offset)
        os.lseek(self._descriptor, self._offset, os.SEEK_SET)


class SharedBlobWriter:
    """The writer of a blob whose bytes another namespace has already: nothing is left to write, only to commit."""

    def __init__(self, status: IngestStatus, digest: str, add: Callable[[Mapping[str, str]], ContentInfo]) -> None:
        self._status = status
        self._digest = digest
        self._add = add

    @property
    def offset(self) -> int:
        return self._status.offset

    @property
    def digest(self) -> str:
        return self._digest

    def status(self) -> IngestStatus:
        return self._status

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data:
            raise FailedPrecondition(f"write content {self._digest}: all of it is here already")

    def truncate(self) -> None:
        raise FailedPrecondition(f"truncate content {self._digest}: all of it is here already")

    def commit(self, *, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> ContentInfo:
        _check_promises(self._status.ref, self, size, expected)
        return self._add(labels or {})

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Written(Protocol):
    @property
    def offset(self) -> int: ...

    @property
    def digest(self) -> str: ...


def _check_promises(ref: str, written: _Written, size: int, expected: str) -> None:
    """Raises FailedPrecondition where size or digest (0, or empty: any) are not what has been written."""
    if size and size != written.offset:
        message = f"{quoted(ref)} failed size validation: {written.offset} != {size}"
        raise FailedPrecondition(f"{message}: failed precondition")
    if expected and expected != written.digest:
        message = f"unexpected commit digest {written.digest}, expected {expected}"
        raise FailedPrecondition(f"{message}: failed precondition")

"""Takes an image archive apart: every file of it becomes a blob, its two small documents are kept in memory."""

import posixpath
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from slipway.archive.compression import compression_of, plain_chunks
from slipway.archive.tar_reader import TarReader
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.containerd.content.interface import NEVER_RESUMED, ContentStore
from slipway.containerd.metadata.model import Scope
from slipway.wire import tar

LAYOUT_FILE: Final = "oci-layout"
INDEX_FILE: Final = "index.json"
MANIFEST_FILE: Final = "manifest.json"
_DOCUMENT_LIMIT: Final = 20 << 20  # bytes, as the original's
_ENTRY_LIMIT: Final = 100_000
_NAME_LIMIT: Final = 4096  # bytes, as a path has at most
_FIRST_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of the archive, in the content store. `compression` is what its first bytes say."""

    digest: str
    size: int
    compression: str


@dataclass(slots=True)
class Archive:
    """The files by name, links resolved to what they mean, and the documents that say what it is."""

    blobs: dict[str, Blob] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)

    def blob(self, name: str) -> Blob:
        """By the name that a document uses. Raises InvalidArgument."""
        clean = posixpath.normpath(name)
        found = self.blobs.get(self.links.get(clean, clean))
        if found is None:
            raise InvalidArgument(f"read image archive: it names {name[:200]!r}, which is not in it")
        return found


def read_archive(content: ContentStore, scope: Scope, next_chunk: Callable[[], bytes]) -> Archive:
    """Store every file of a tar, which may be compressed as a whole. Raises InvalidArgument for what is no tar."""
    pieces = plain_chunks(next_chunk)
    reader = TarReader(lambda: next(pieces, b""))
    archive = Archive()
    for header in reader.entries():
        if len(archive.blobs) + len(archive.links) > _ENTRY_LIMIT:
            raise InvalidArgument(f"read image archive: it has more than {_ENTRY_LIMIT} files")
        if max(len(header.name), len(header.link)) > _NAME_LIMIT:
            raise InvalidArgument(f"read image archive: a name has more than {_NAME_LIMIT} bytes")
        name = posixpath.normpath(header.name.decode("utf-8", "replace"))
        if header.kind == tar.SYMBOLIC_LINK:
            target = header.link.decode("utf-8", "replace")
            archive.links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        elif header.kind == tar.REGULAR:
            _read_file(content, scope, archive, name, reader)
    reader.drain()
    return archive


def _read_file(content: ContentStore, scope: Scope, archive: Archive, name: str, reader: TarReader) -> None:
    if name in (LAYOUT_FILE, MANIFEST_FILE, INDEX_FILE):
        archive.documents[name] = reader.read_all(_DOCUMENT_LIMIT)
        return
    # A ref of its own: another client may load the same archive at the same time. It is never resumed.
    ref = f"{NEVER_RESUMED}{secrets.token_hex(8)}-{name}"[:500]
    try:
        archive.blobs[name] = _ingest(content, scope, ref, reader)
    except BaseException:
        with suppress(NotFound):
            content.abort(scope, ref)
        raise


def _ingest(content: ContentStore, scope: Scope, ref: str, reader: TarReader) -> Blob:
    with content.writer(scope, ref) as writer:
        first = b""
        for piece in reader.data():
            if len(first) < _FIRST_BYTES:
                first += bytes(piece[:_FIRST_BYTES])
            writer.write(piece)
        blob = Blob(writer.digest, writer.offset, compression_of(first))
        with suppress(AlreadyExists):
            writer.commit()
        return blob


def store_bytes(content: ContentStore, scope: Scope, ref: str, data: bytes, digest: str) -> None:
    """Store a small document. What is there already stays as it is."""
    own = f"{NEVER_RESUMED}{secrets.token_hex(8)}-{ref}"
    try:
        with content.writer(scope, own, total=len(data), expected=digest) as writer:
            if not writer.offset:
                writer.write(data)
            writer.commit(size=len(data), expected=digest)
    except AlreadyExists:
        return

"""Plain layers and their compressed copies: a label on the copy tells the digest of what is in it."""

import secrets
from contextlib import suppress
from typing import Final

from slipway.archive.compression import GZIP, compression_of, gzip_compressor
from slipway.base.errors import AlreadyExists, NotFound
from slipway.containerd.content.interface import ContentStore, ContentWriter
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.archive_blobs import Blob

UNCOMPRESSED_LABEL: Final = "containerd.io/uncompressed"
_PIECE: Final = 1 << 20
_FIRST_BYTES: Final = 16


def compressed_variant(content: ContentStore, scope: Scope, blob: Blob) -> Blob | None:
    """What the store has already for the content of a plain blob, from a pull for example."""
    for info in content.list(scope, [f'labels."{UNCOMPRESSED_LABEL}"=={blob.digest}']):
        if info.digest != blob.digest:
            with suppress(NotFound), content.reader(scope, info.digest) as reader:
                return Blob(info.digest, info.size, compression_of(reader.read_at(0, _FIRST_BYTES)))
    return None


def compress_blob(content: ContentStore, scope: Scope, blob: Blob) -> Blob:
    """A gzip copy of a plain blob, in the store beside it. A failure leaves nothing."""
    ref = f"compress-blob-{secrets.token_hex(8)}-{blob.digest}"
    try:
        with content.writer(scope, ref) as writer:
            _compress(content, scope, blob, writer)
            copy = Blob(writer.digest, writer.offset, GZIP)
            with suppress(AlreadyExists):
                writer.commit(labels={UNCOMPRESSED_LABEL: blob.digest})
            return copy
    except BaseException:
        with suppress(NotFound):
            content.abort(scope, ref)
        raise


def _compress(content: ContentStore, scope: Scope, blob: Blob, writer: ContentWriter) -> None:
    compressor = gzip_compressor()
    with content.reader(scope, blob.digest) as reader:
        for offset in range(0, reader.size, _PIECE):
            writer.write(compressor.compress(reader.read_at(offset, _PIECE)))
    writer.write(compressor.flush())

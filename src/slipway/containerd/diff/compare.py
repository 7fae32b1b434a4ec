"""Makes a layer of the changes between two snapshots and stores it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

from slipway.archive.changes import write_difference, write_upper
from slipway.archive.compression import gzip_compressor, zstd_compressor
from slipway.archive.extract import Whiteouts
from slipway.archive.layers_view import joined_layers
from slipway.archive.overlay_marks import is_upper_whole
from slipway.archive.tar_writer import TarWriter
from slipway.base.digests import ALGORITHM, new_hash
from slipway.base.errors import AlreadyExists, NotFound, NotImplementedByEngine, Unavailable
from slipway.containerd.content.interface import NEVER_RESUMED, ContentStore, ContentWriter
from slipway.containerd.diff.targets import Tree, tree_from_mounts
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci import image

UNCOMPRESSED_LABEL: Final = "containerd.io/uncompressed"
_COMPRESSORS: Final[Mapping[str, Callable[[], Any]]] = {"gzip": gzip_compressor, "zstd": zstd_compressor}


def store_diff(
    content: ContentStore,
    scope: Scope,
    lower: Sequence[Mount],
    upper: Sequence[Mount],
    *,
    media_type: str,
    ref: str,
    labels: Mapping[str, str],
    source_date_epoch: int | None,
) -> Descriptor:
    """See interface.Differ.diff."""
    media_type = media_type or image.OCI_LAYER_GZIP
    if not image.is_layer_type(media_type):
        raise NotImplementedByEngine(f"make a layer of media type {media_type!r}")
    before, after = tree_from_mounts(lower, writable=False), tree_from_mounts(upper, writable=False)
    if after is None:
        raise NotImplementedByEngine("make a layer of nothing")
    with _writer(content, scope, ref) as writer:
        writer.truncate()
        sink = _Sink(writer, image.LAYER_COMPRESSION[media_type])
        try:
            _write(TarWriter(sink.write, latest=source_date_epoch), before, after)
        except OSError as error:
            raise Unavailable(f"make a layer: {error}") from error
        sink.finish()
        digest, size = writer.digest, writer.offset
        try:
            writer.commit(size=size, expected=digest, labels={**labels, UNCOMPRESSED_LABEL: sink.plain_digest()})
        except AlreadyExists:
            content.update(scope, digest, {UNCOMPRESSED_LABEL: sink.plain_digest()}, [f"labels.{UNCOMPRESSED_LABEL}"])
    return Descriptor(media_type=media_type, digest=digest, size=size)


@contextmanager
def _writer(content: ContentStore, scope: Scope, ref: str) -> Iterator[ContentWriter]:
    """An ingest of the caller's name, or of one that nobody can resume and that is not left behind."""
    own = "" if ref else f"{NEVER_RESUMED}diff-{os.urandom(8).hex()}"
    try:
        with content.writer(scope, ref or own) as writer:
            yield writer
    except BaseException:
        if own:
            with suppress(NotFound):
                content.abort(scope, own)
        raise


def _write(writer: TarWriter, before: Tree | None, after: Tree) -> None:
    shown = () if before is None else before.layers
    with ExitStack() as stack:
        if after.whiteouts is Whiteouts.OVERLAY and after.lower == shown and is_upper_whole():
            write_upper(writer, _opened(stack, after.path))
        else:
            old = None if before is None else stack.enter_context(joined_layers(before.layers))
            write_difference(writer, old, stack.enter_context(joined_layers(after.layers)))
    writer.end()


def _opened(stack: ExitStack, path: str) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor


class _Sink:
    """Hashes what goes in, compresses it, and hands it on in large pieces."""

    def __init__(self, writer: ContentWriter, compression: str) -> None:
        self._writer = writer
        self._hash = new_hash()
        self._compressor = _COMPRESSORS[compression]() if compression in _COMPRESSORS else None

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._writer.write(self._compressor.compress(data) if self._compressor else data)

    def finish(self) -> None:
        if self._compressor:
            self._writer.write(self._compressor.flush())

    def plain_digest(self) -> str:
        return f"{ALGORITHM}:{self._hash.hexdigest()}"

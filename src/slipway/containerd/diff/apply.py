"""Unpacks a layer from the content store into a snapshot's own directory; nothing is mounted."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from slipway.archive.directories import adopt_attributes
from slipway.archive.extract import Whiteouts
from slipway.archive.overlay_marks import OPAQUE_XATTR
from slipway.archive.unpack import Unpackers
from slipway.base.errors import EngineError, InvalidArgument, Unavailable
from slipway.base.interruption import Interruption
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.diff.interface import LayerApart
from slipway.containerd.diff.processing import processed
from slipway.containerd.diff.stream_processors import StreamProcessor, chain_for
from slipway.containerd.diff.targets import Tree, tree_from_mounts
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci.image import OCI_LAYER
from slipway.linux.resolve import open_in_root
from slipway.linux.synchronise import synchronise_file_system


class LayerUnpacker:
    """Unpacks what is in `content`, beforehand run through `processors` where its media type asks for it."""

    def __init__(self, content: ContentStore, unpackers: Unpackers, processors: Sequence[StreamProcessor]) -> None:
        self._content = content
        self._unpackers = unpackers
        self._processors = processors

    def apply(
        self,
        scope: Scope,
        layer: Descriptor,
        mounts: Sequence[Mount],
        *,
        sync: bool = False,
        payloads: Mapping[str, bytes] | None = None,
        interruption: Interruption | None = None,
    ) -> LayerApart:
        """See interface.Differ.apply, and apply_apart where `mounts` do not show the layers below."""
        try:
            chain = chain_for(self._processors, layer.media_type)
        except EngineError as error:
            raise type(error)(f"apply {layer.digest}: {error.message}", error.hint) from error
        tree = tree_from_mounts(mounts, writable=True)
        if tree is None:
            raise InvalidArgument(f"apply {layer.digest}: no mounts to apply it to")
        with ExitStack() as stack:
            reader = stack.enter_context(self._content.reader(scope, layer.digest))
            try:
                # A descriptor of its own: the reader's position is the reader's.
                blob = _opened(stack, f"/proc/self/fd/{reader.fileno()}", os.O_RDONLY)
                root, lower = _opened_tree(stack, tree)
            except OSError as error:
                raise Unavailable(f"apply {layer.digest}: {error}") from error
            interruption = interruption or Interruption()
            with processed(chain, layer.media_type, blob, payloads or {}, interruption) as archive:
                unpacked = self._unpackers.unpack(archive, root, lower, tree.whiteouts, interruption)
            if tree.whiteouts is Whiteouts.OVERLAY:
                _mark_opaque(root, unpacked.opaque)
            if sync:
                synchronise_file_system(root)
        plain = Descriptor(media_type=OCI_LAYER, digest=unpacked.digest, size=unpacked.size)
        return LayerApart(plain=plain, implied=unpacked.implied)


def complete(apart: LayerApart, mounts: Sequence[Mount]) -> None:
    """See interface.Differ.complete."""
    tree = tree_from_mounts(mounts, writable=True)
    if tree is None or not tree.lower or not apart.implied:
        return
    try:
        with ExitStack() as stack:
            root, lower = _opened_tree(stack, tree)
            adopt_attributes(root, lower, apart.implied)
    except OSError as error:
        raise Unavailable(f"apply {apart.plain.digest}: {error}") from error


def _opened_tree(stack: ExitStack, tree: Tree) -> tuple[int, list[int]]:
    """The directory to fill, and those that show through. Raises OSError."""
    root = _opened(stack, tree.path, os.O_RDONLY | os.O_DIRECTORY)
    return root, [_opened(stack, path, os.O_PATH | os.O_DIRECTORY) for path in tree.lower]


def _opened(stack: ExitStack, path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor


def _mark_opaque(root: int, paths: Sequence[str]) -> None:
    """The worker lacks the capability for this attribute. Its paths come from the archive: they are resolved inside."""
    for path in dict.fromkeys(paths):
        try:
            directory = open_in_root(root, path, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            continue  # removed again by a later entry
        try:
            os.setxattr(directory, OPAQUE_XATTR, b"y")
        finally:
            os.close(directory)

"""Checkpoints as content: what a runtime has saved as one plain tar, and the specification that belongs to it."""

import os
from typing import Final

from slipway.base.errors import AlreadyExists, InvalidArgument, NotImplementedByEngine
from slipway.containerd.containers.model import TypedValue
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.diff.interface import Differ
from slipway.containerd.metadata.model import Scope
from slipway.containerd.tasks.model import any_from_typed
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci.image import OCI_LAYER
from slipway.wire.protobuf import encode

IMAGES_TYPE: Final = "application/vnd.containerd.container.criu.checkpoint.criu.tar"
SPECIFICATION_TYPE: Final = "application/vnd.containerd.container.checkpoint.config.v1+proto"


class Checkpoints:
    """Blocks on files: call it from a thread."""

    def __init__(self, content: ContentStore, differ: Differ) -> None:
        self._content = content
        self._differ = differ

    def store(self, scope: Scope, folder: str, specification: TypedValue) -> list[Descriptor]:
        """Blobs of the images in `folder`, and of the specification. What keeps them is the scope's lease."""
        ref = f"checkpoint-{folder}"
        images = self._differ.diff(scope, (), _tree(folder), media_type=OCI_LAYER, ref=ref)
        return [
            Descriptor(media_type=IMAGES_TYPE, digest=images.digest, size=images.size),
            self._store_specification(scope, f"{ref}/specification", specification),
        ]

    def unpack(self, scope: Scope, images: Descriptor, folder: str) -> None:
        """Into an empty folder. Raises NotFound (the blob), InvalidArgument (it is malformed, or holds anything but
        files: criu opens them as root, by name, and follows links)."""
        if images.media_type != IMAGES_TYPE:
            raise NotImplementedByEngine(f'unsupported checkpoint type "{images.media_type}"')
        layer = Descriptor(media_type=OCI_LAYER, digest=images.digest, size=images.size)
        self._differ.apply(scope, layer, _tree(folder))
        _check_plain(folder, images.digest)

    def _store_specification(self, scope: Scope, ref: str, specification: TypedValue) -> Descriptor:
        data = encode(any_from_typed(specification))
        with self._content.writer(scope, ref) as writer:
            writer.truncate()
            writer.write(data)
            digest = writer.digest
            try:
                writer.commit(size=len(data), expected=digest)
            except AlreadyExists:
                self._content.info(scope, digest)  # the same specification was saved before
        return Descriptor(media_type=SPECIFICATION_TYPE, digest=digest, size=len(data))


def _check_plain(folder: str, digest: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_file(follow_symlinks=False):
                raise InvalidArgument(f"checkpoint {digest}: {entry.name[:100]!r} in it is no regular file")


def _tree(folder: str) -> tuple[Mount, ...]:
    return (Mount(type="bind", source=folder, options=("rbind", "rw")),)

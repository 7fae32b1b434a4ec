"""Moving images: the contract. The methods are coroutines; what blocks in them goes to threads or worker processes."""

from collections.abc import Callable
from typing import Protocol

from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import ExportOptions, ImageStore, Progress, Registry

Report = Callable[[Progress], None]
"""Tells the client of a step; returns at once and drops steps that the client is too slow to take."""


class ByteSource(Protocol):
    """A stream from the client, with flow control."""

    async def read(self) -> bytes:
        """The next piece (up to 64 KiB or so); empty at the end. Raises Cancelled when the client went away."""
        ...


class ByteSink(Protocol):
    """A stream to the client, with flow control. The adapter closes it after the transfer."""

    async def write(self, data: bytes) -> None:
        """Returns when the client has room for more. Raises Cancelled when the client went away."""
        ...


class Transfer(Protocol):
    """One method per pair of source and destination. Each raises the kinds of base/errors; none leaves an image row
    whose content is not there. Content fetched before a failure stays for a resume, until it is collected."""

    async def pull(self, scope: Scope, source: Registry, destination: ImageStore, report: Report) -> None:
        """Registry to image store, unpacking as `destination.unpacks` says while layers arrive."""
        ...

    async def push(self, scope: Scope, source: ImageStore, destination: Registry, report: Report) -> None:
        """Image store to registry."""
        ...

    async def import_archive(
        self, scope: Scope, source: ByteSource, destination: ImageStore, report: Report, *, force_compress: bool = False
    ) -> None:
        """A tar of an OCI layout or of `docker save` into the image store."""
        ...

    async def export_archive(
        self, scope: Scope, source: ImageStore, sink: ByteSink, options: ExportOptions, report: Report
    ) -> None:
        """One or more images to a tar. `source.extra_references` name further images."""
        ...

    async def tag(self, scope: Scope, source: ImageStore, destination: ImageStore) -> None:
        """A second name for an image. Raises NotFound."""
        ...

    async def unpack(self, scope: Scope, source: ImageStore, report: Report) -> None:
        """Unpack an image that the store has, as `source.unpacks` says."""
        ...

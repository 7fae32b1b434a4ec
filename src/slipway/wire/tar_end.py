"""Tells where a tar archive ends, from its bytes as they pass."""

from slipway.wire.tar import BLOCK, decode_header, padding


class ArchiveEnd:
    """`reached` turns true with the second block of zeros that ends an archive. Reads the headers, skips the data."""

    def __init__(self) -> None:
        self.reached = False
        self._block = bytearray()
        self._data = 0  # bytes until the next header
        self._zeros = 0

    def feed(self, piece: bytes) -> None:
        """The archive's next bytes, in pieces of any size. Raises InvalidArgument for what is no archive."""
        view = memoryview(piece)
        while view and not self.reached:
            if self._data:
                skipped = min(self._data, len(view))
                self._data -= skipped
                view = view[skipped:]
                continue
            missing = BLOCK - len(self._block)
            self._block += view[:missing]
            view = view[missing:]
            if len(self._block) == BLOCK:
                self._take(bytes(self._block))
                self._block.clear()

    def _take(self, block: bytes) -> None:
        if any(block):
            size = decode_header(block).size
            self._data = size + padding(size)
            self._zeros = 0
        else:
            self._zeros += 1
            self.reached = self._zeros == 2

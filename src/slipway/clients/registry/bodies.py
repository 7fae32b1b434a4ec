"""Bodies of answers: as they are on the wire, never more than a bound."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


async def read_bounded(response: "httpx.Response", limit: int) -> bytes | None:
    """The body, or None when it is longer than `limit` bytes.

    No Content-Encoding is undone: we ask for none, and a few bytes of it could become gigabytes.
    """
    pieces: list[bytes] = []
    length = 0
    async for piece in response.aiter_raw():
        length += len(piece)
        if length > limit:
            return None
        pieces.append(piece)
    return b"".join(pieces)

"""An export's bytes, from a stream that its sender may have ended and reset before we have read them."""

import asyncio

from slipway.clients.containerd.streams import receive_bytes, typed
from slipway.contracts.containerd_api.generated import transfer_types_pb2
from slipway.transport.aio.http2 import StreamBroken


class Stream:
    """The other side sends `pieces`, as far as it is granted room, and ends; `is_reset`: it takes nothing any more."""

    def __init__(self, pieces: list[bytes], *, is_reset: bool = False) -> None:
        self._pieces = pieces
        self._is_reset = is_reset
        self.granted = 0

    async def send(self, message: object) -> None:
        if self._is_reset:
            raise StreamBroken("the other side reset the stream")
        self.granted += transfer_types_pb2.WindowUpdate.FromString(message.value).update

    async def receive(self) -> object:
        return typed(transfer_types_pb2.Data(data=self._pieces.pop(0))) if self._pieces else None


def received(stream: Stream, *, at_most: int = 100) -> bytes:
    taken: list[bytes] = []

    async def take(piece: bytes) -> bool:
        taken.append(piece)
        return len(taken) < at_most

    asyncio.run(receive_bytes(stream, take))
    return b"".join(taken)


def test_room_is_granted_for_all_that_comes() -> None:
    stream = Stream([bytes(32 * 1024)] * 5)
    assert len(received(stream)) == 5 * 32 * 1024
    assert stream.granted >= 5 * 32 * 1024


def test_what_came_before_the_reset_is_not_lost() -> None:
    assert received(Stream([b"last ", b"words"], is_reset=True)) == b"last words"


def test_no_more_is_taken_than_wanted() -> None:
    assert received(Stream([b"a", b"b", b"c"]), at_most=2) == b"ab"

"""containerd's named streams: bytes with a window, and messages. What transfers read from and write to."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage

from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import streaming_pb2, transfer_types_pb2
from slipway.transport.aio.grpc_client import ChannelStream
from slipway.transport.aio.http2 import StreamBroken

log = logging.getLogger(__name__)

METHODS: Final = service_methods(streaming_pb2.DESCRIPTOR, "Streaming")
CHUNK_SIZE: Final = 32 * 1024  # what the original sends at once; its window is two of them
WINDOW: Final = 64 * 1024


def typed(message: Any) -> AnyMessage:
    """`message` in an Any whose type is the bare full name, as containerd's typeurl spells it."""
    return AnyMessage(type_url=message.DESCRIPTOR.full_name, value=message.SerializeToString())


def new_stream_id(purpose: str) -> str:
    return f"{purpose}-{secrets.token_hex(8)}"


@asynccontextmanager
async def open_stream(connection: Connection, stream_id: str) -> AsyncIterator[ChannelStream]:
    """A stream that a transfer can name; it exists when the block begins.

    containerd ends such a stream by resetting it when its transfer is over; the transfer's own reply says how it went.
    """
    call = connection.open(METHODS["stream"])
    stream = await call.__aenter__()
    try:
        await stream.send(typed(streaming_pb2.StreamInit(id=stream_id)))
        await stream.receive()
        yield stream
    finally:
        try:
            await call.__aexit__(None, None, None)
        except Exception as error:  # noqa: BLE001 - a stream that was reset ends in many ways
            log.debug("closing a stream: %s", error)


async def send_bytes(stream: ChannelStream, read: Callable[[], Awaitable[bytes]]) -> None:
    """Send what `read` gives until it gives b"", no faster than the other side's window allows."""
    window = 0
    while data := await read():
        view = memoryview(data)
        while view:
            while window <= 0:
                message = await stream.receive()
                if message is None:
                    return  # the receiver has enough
                window += transfer_types_pb2.WindowUpdate.FromString(message.value).update
            part = bytes(view[: min(window, CHUNK_SIZE)])
            await stream.send(typed(transfer_types_pb2.Data(data=part)))
            window -= len(part)
            view = view[len(part) :]
    await stream.end()
    while await stream.receive() is not None:
        pass  # window updates that nobody needs any more


async def receive_bytes(stream: ChannelStream, take: Callable[[bytes], Awaitable[bool]]) -> None:
    """Hand what arrives to `take` until it wants no more, granting a new window as the old one is used up."""
    window = 0
    wants_more = True
    while wants_more:
        if window < WINDOW:
            # The sender may have ended and reset the stream: what it sent before is still to be read.
            with suppress(StreamBroken):
                await stream.send(typed(transfer_types_pb2.WindowUpdate(update=WINDOW)))
            window += WINDOW
        message = await stream.receive()
        if message is None:
            return
        data = transfer_types_pb2.Data.FromString(message.value).data
        window -= len(data)
        wants_more = await take(data)


async def cancel_quietly(task: "asyncio.Task[Any]") -> None:
    """End a task beside which something else has ended: its own error would repeat the other's, or nobody listens."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()

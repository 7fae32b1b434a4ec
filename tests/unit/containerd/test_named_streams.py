"""A named stream towards its client: what was sent is on its way before the call that sent it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from slipway.base.errors import Cancelled
from slipway.containerd.services.streams import OUTGOING_LIMIT, NamedStream
from slipway.contracts.containerd_api.generated.transfer_types_pb2 import Progress


async def _nothing() -> AsyncIterator[Any]:
    return
    yield


def test_a_flush_waits_until_all_is_sent() -> None:
    async def main() -> list[str]:
        stream = NamedStream(_nothing())
        sent: list[str] = []

        async def transport() -> None:
            async with aclosing(stream.outgoing()) as outgoing:
                async for message in outgoing:
                    await asyncio.sleep(0)
                    sent.append(Progress.FromString(message.value).event)

        for at in range(3):
            assert stream.send_nowait(Progress(event=str(at)))
        task = asyncio.create_task(transport())
        await stream.flush(10)
        told = list(sent)
        await stream.close()
        await task
        return told

    assert asyncio.run(main()) == ["0", "1", "2"]


def test_a_flush_does_not_wait_for_a_client_that_is_gone_or_does_not_read() -> None:
    async def main() -> None:
        stream = NamedStream(_nothing())
        for _ in range(OUTGOING_LIMIT):
            assert stream.send_nowait(Progress())
        assert not stream.send_nowait(Progress())
        await stream.flush(0.01)
        outgoing = stream.outgoing()
        await anext(outgoing)
        flushing = asyncio.create_task(stream.flush(10))
        await asyncio.sleep(0)
        await outgoing.aclose()
        await asyncio.wait_for(flushing, 1)
        assert not stream.send_nowait(Progress())
        await stream.flush(10)
        with pytest.raises(Cancelled):
            await stream.send(Progress())

    asyncio.run(main())

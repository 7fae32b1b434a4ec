"""Joins a client's raw stream and a process's streams: `docker attach`, `docker run`, `docker exec`."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from slipway.dockerd.containers.streams.detach_keys import DetachFilter
from slipway.dockerd.logs.interface import ProcessStreams, Subscription

STREAM_NUMBERS: Final = {"stdin": 0, "stdout": 1, "stderr": 2}


class ClientStream(Protocol):
    """The client's connection after the hijack."""

    async def read(self) -> bytes:
        """Some bytes; b"" when the client has closed its half."""

    async def write(self, data: bytes) -> None:
        """Raises ConnectionError when the client has gone."""

    def close_sending(self) -> None:
        """No more output follows."""

    async def wait_lost(self) -> None:
        """Return when the client has gone."""


@dataclass(frozen=True, kw_only=True)
class AttachPlan:
    """What is joined. `closes_stdin`: the end of the client's input is the end of the process's.

    `multiplexed`: each piece of output is headed by its stream and length (stdcopy); a terminal's is not.
    `ends_with_input`: the end of the client's input is the end of all.
    """

    stdin: bool
    multiplexed: bool
    closes_stdin: bool
    ends_with_input: bool = False
    detach_keys: bytes | None = None


def frame(stream: str, data: bytes) -> bytes:
    """A piece of output as stdcopy has it: stream number, three zeros, big-endian length, bytes."""
    return bytes((STREAM_NUMBERS[stream], 0, 0, 0)) + len(data).to_bytes(4, "big") + data


async def join_streams(
    client: ClientStream,
    streams: ProcessStreams,
    subscriber: Subscription | None,
    plan: AttachPlan,
    close_stdin: Callable[[], Awaitable[None]],
) -> bool:
    """Carry both ways until the output ends, the client goes, or the detach keys come; whether it was the keys.

    Without `subscriber` it lasts until the input ends.
    """
    tasks: dict[str, asyncio.Task[bool]] = {}
    loop = asyncio.get_running_loop()
    if subscriber is not None:
        tasks["output"] = loop.create_task(_carry_output(client, subscriber, plan), name="attach output")
        tasks["lost"] = loop.create_task(_until_lost(client), name="attach watch")
    if plan.stdin:
        tasks["input"] = loop.create_task(_carry_input(client, streams, plan, close_stdin), name="attach input")
    try:
        while tasks:
            done, _ = await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
            for name in [name for name, task in tasks.items() if task in done]:
                detached = _result(tasks.pop(name))
                if detached or name != "input" or not tasks or plan.ends_with_input:
                    return detached
        return False
    finally:
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values())


def _result(task: "asyncio.Task[bool]") -> bool:
    with suppress(ConnectionError, BrokenPipeError):
        return task.result()
    return False


async def _carry_output(client: ClientStream, subscriber: Subscription, plan: AttachPlan) -> bool:
    while chunks := await subscriber.read():
        if plan.multiplexed:
            await client.write(b"".join(frame(stream, data) for stream, data in chunks))
        else:
            await client.write(b"".join(data for _, data in chunks))
    return False


async def _carry_input(
    client: ClientStream, streams: ProcessStreams, plan: AttachPlan, close_stdin: Callable[[], Awaitable[None]]
) -> bool:
    stdin = await streams.wait_stdin()
    keys = DetachFilter(plan.detach_keys) if plan.detach_keys else None
    while data := await client.read():
        detached = False
        if keys is not None:
            data, detached = keys.feed(data)
        if stdin is not None and data:
            await stdin.write(data)
        if detached:
            return True
    if plan.closes_stdin:
        await close_stdin()
    return False


async def _until_lost(client: ClientStream) -> bool:
    await client.wait_lost()
    return False

"""The standard streams of one process, of a container's first one or of an exec: fifos, and who is attached."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from types import MappingProxyType
from typing import Final

from slipway.clients.containerd.tasks import Streams
from slipway.dockerd.logs.interface import LogWriter, Subscription
from slipway.dockerd.logs.model import StreamPlan
from slipway.dockerd.logs.output import Output
from slipway.dockerd.logs.progress import Progress
from slipway.dockerd.logs.pump import OutputPump
from slipway.dockerd.logs.stdin_fifo import StdinFifo
from slipway.dockerd.logs.subscriber import Subscriber

LOOK_SECONDS: Final = 0.2  # without output, and a line that has no end yet is the last one
QUIET_LOOKS: Final = 10  # 2 s without output after its exit: what still holds the stream is no process of the container
DROP_SECONDS: Final = 1.0  # for the reader's end to be closed


class FifoStreams:
    """Implements interface.ProcessStreams. Lives as long as the container or exec: who attaches before the start gets
    the first byte."""

    def __init__(self, pump: OutputPump, now: Callable[[], int]) -> None:
        self._pump = pump
        self._now = now
        self._subscribers: tuple[Subscriber, ...] = ()
        self._outputs: list[Output] = []
        self._open_outputs = 0
        self._drained = asyncio.Event()
        self._stdin_ready = asyncio.Event()
        self._writer: LogWriter | None = None  # closed once no output can write to it any more
        self._progress: Progress | None = None
        self.stdin: StdinFifo | None = None

    def subscribe(self, streams: frozenset[str], *, drops: bool = False) -> Subscriber:
        subscriber = Subscriber(streams, drops=drops)
        subscriber.when_room(self._look_again)
        self._subscribers = (*self._subscribers, subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscription) -> None:
        self._subscribers = tuple(each for each in self._subscribers if each is not subscriber)
        subscriber.end()

    async def wait_stdin(self) -> StdinFifo | None:
        await self._stdin_ready.wait()
        return self.stdin

    def open(self, plan: StreamPlan, writer: LogWriter | None) -> Streams:
        self._writer = writer
        os.makedirs(os.path.dirname(plan.prefix), mode=0o700, exist_ok=True)
        streams = plan.streams()
        for path in (streams.stdin, streams.stdout, streams.stderr):
            if path:
                with suppress(FileExistsError):
                    os.mkfifo(path, 0o600)
        if writer is not None:
            self._progress = Progress(plan.progress_path)
            self._progress.forget()
        self._attach_fifos(streams, {})
        return streams

    def reopen(
        self, plan: StreamPlan, writer: LogWriter | None, logged: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._writer = writer
        if writer is not None:
            self._progress = Progress(plan.progress_path)
        try:
            self._attach_fifos(plan.streams(), logged)
        except OSError:
            self._close_writer()
            raise

    def _attach_fifos(self, streams: Streams, logged: Mapping[str, int]) -> None:
        """All of them or, after an OSError, none."""
        with ExitStack() as undo:
            descriptors = {
                name: _open_for_reading(path, undo)
                for name, path in (("stdout", streams.stdout), ("stderr", streams.stderr))
                if path
            }
            stdin = StdinFifo(streams.stdin) if streams.stdin else None
            undo.pop_all()
        self.stdin = stdin
        self._drained.clear()
        self._loop = asyncio.get_running_loop()
        self._outputs = [
            Output(descriptor=descriptor, stream=name, writer=self._writer, progress=self._progress, now=self._now)
            for name, descriptor in descriptors.items()
        ]
        self._open_outputs = len(self._outputs)
        for output in self._outputs:
            output.subscribers = lambda: self._subscribers
            output.on_end = self._on_output_end
            if self._progress is not None:
                self._progress.take(output.descriptor, logged.get(output.stream, 0))
        for output in self._outputs:
            self._pump.add(output)

    def started(self) -> None:
        self._stdin_ready.set()

    def close_stdin(self) -> None:
        if self.stdin is not None:
            self.stdin.close()

    def expect_end(self) -> None:
        """The process has ended: what it printed last is taken even without a newline.

        To be called before its task is deleted: the shim waits with that until all was taken.
        """
        for output in self._outputs:
            output.expect_end()
        self._look_again()

    async def drain(self, gives_up: Callable[[], bool] = lambda: False) -> None:
        """After the process has ended: wait until all it printed is taken, then let everybody who is attached go.

        The shim may have megabytes to hand over. Who reads slowly is not waited for: he gets the rest from our memory.
        Nor is an output that somebody outside of the container holds open, once nothing has come for 2 s.
        `gives_up` is asked every LOOK_SECONDS: once it says so, what is left goes nowhere.
        """
        self.close_stdin()
        if self._open_outputs:
            self.expect_end()
            await self._wait_drained(gives_up)
        for subscriber in self._subscribers:
            subscriber.end()
        self._subscribers = ()
        self.stdin = None
        self._stdin_ready.clear()

    async def _wait_drained(self, gives_up: Callable[[], bool]) -> None:
        """The pump looks again and again; while it is held up by the disk it does not, and that is no silence."""
        while not await self._is_drained_within(LOOK_SECONDS):
            left = [output for output in self._outputs if output.descriptor >= 0]
            if gives_up() or all(output.quiet_looks >= QUIET_LOOKS for output in left):
                self.drop()
                await self._is_drained_within(DROP_SECONDS)  # the shim waits for whoever reads
                return
            for output in left:
                output.is_at_end = output.quiet_looks > 1  # the first may have been at the end of a portion just now
            self._look_again()

    async def _is_drained_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._drained.wait(), seconds)
        return self._drained.is_set()

    def finish(self) -> None:
        """Take what is there now, and no more."""
        for output in self._outputs:
            self._pump.finish(output)

    def drop(self) -> None:
        """Take no more, also where somebody attached would still get it."""
        for output in self._outputs:
            self._pump.drop(output)

    def abandon(self) -> None:
        self.finish()
        if self._open_outputs <= 0:
            self._close_writer()
        self.close_stdin()
        self.stdin = None
        self._stdin_ready.clear()
        for subscriber in self._subscribers:
            subscriber.end()
        self._subscribers = ()

    def _look_again(self) -> None:
        for output in self._outputs:
            self._pump.look_again(output)

    def _on_output_end(self) -> None:
        """On the pump's thread."""
        with suppress(RuntimeError):  # the loop is closed: the daemon ends
            self._loop.call_soon_threadsafe(self._output_ended)

    def _output_ended(self) -> None:
        self._open_outputs -= 1
        if self._open_outputs <= 0:
            self._drained.set()
            self._close_writer()

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._progress is not None:
            self._progress.close()
            self._progress = None


def _open_for_reading(path: str, undo: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    undo.callback(os.close, descriptor)
    return descriptor

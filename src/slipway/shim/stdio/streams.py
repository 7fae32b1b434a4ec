"""The standard streams of one process, as its StdioNames say: nothing, pipes, a log file or program, a terminal."""

from __future__ import annotations

import os

from slipway.base.errors import InvalidArgument
from slipway.shim.bundle import disk_folder
from slipway.shim.stdio.address import FIFO, FILE, PROGRAM, Address, address_from_name
from slipway.shim.stdio.console import ConsoleSocket, resize
from slipway.shim.stdio.input import Input
from slipway.shim.stdio.log_file import LogFile
from slipway.shim.stdio.logger import Logger
from slipway.shim.stdio.output import Output
from slipway.shim.stdio.spill import Spill
from slipway.transport.plain.children import Children
from slipway.transport.plain.file_events import FileEvents
from slipway.transport.plain.loop import Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # the terminal's master (or -1), what Input.give and each Output.give returned
    Given = tuple[int, tuple[int, int, int, bool, bytes] | None, list[tuple[int, int, str, bool]]]

    from slipway.shim.model import StdioNames


_LOOK = 0.2


class StreamFactory:
    """What all streams of one shim share."""

    def __init__(self, loop: Loop, children: Children, warn: Callable[[str], None]) -> None:
        """`warn` tells containerd's log."""
        self.loop = loop
        self.children = children
        self.events = FileEvents(loop)
        self.warn = warn
        self.namespace = ""
        self.console_folder = ""
        """Where sockets for terminals are made: short, and closed to others."""
        self._consoles = 0

    async def open(self, id: str, names: StdioNames, bundle: str, owner: tuple[int, int]) -> Streams:
        """Open the streams of a process that is about to start. Raises EngineError, OSError."""
        streams = Streams(self, names, bundle)
        try:
            await streams.open(id, owner)
        except BaseException:
            streams.close()
            raise
        return streams

    def take(self, names: StdioNames, bundle: str, given: Given) -> Streams:
        """Go on with the streams that another process has opened and given."""
        streams = Streams(self, names, bundle)
        streams.take(given)
        return streams

    def console_path(self) -> str:
        self._consoles += 1
        return f"{self.console_folder}/{os.getpid()}.{self._consoles}.pty"


class Streams:
    """The process gets `child` as its stdio, and `flags` belong on the runtime's command line.

    Order: the runtime is called with both; `started` when it has ended well; `close` at the end in any case.
    """

    def __init__(self, factory: StreamFactory, names: StdioNames, bundle: str) -> None:
        self._factory = factory
        self._names = names
        self._bundle = bundle
        self._console: ConsoleSocket | None = None
        self._master = -1
        self._child = [-1, -1, -1]
        self._outputs: list[Output | LogFile] = []
        self._input: Input | None = None
        self._logger: Logger | None = None
        self._to_logger = -1  # what a terminal's output is to go to

    @property
    def child(self) -> tuple[int, int, int]:
        stdin, stdout, stderr = self._child
        return stdin, stdout, stderr

    @property
    def flags(self) -> list[str]:
        return ["--console-socket", self._console.path] if self._console is not None else []

    async def open(self, id: str, owner: tuple[int, int]) -> None:
        names, factory = self._names, self._factory
        stdout, stderr = (address_from_name(name) if name else None for name in (names.stdout, names.stderr))
        if stderr is not None and stderr.scheme == PROGRAM and (stdout is None or stdout.scheme != PROGRAM):
            raise InvalidArgument("a logging program reads both streams: standard output must lead to it, too")
        if stdout is not None and stdout.scheme == PROGRAM:
            self._logger = await Logger.start(factory.loop, factory.children, stdout, id, factory.namespace)
        if names.terminal:
            self._console = ConsoleSocket(factory.loop, factory.console_path())
            if self._logger is not None:
                os.close(self._logger.stderr)
                self._to_logger = self._logger.stdout
        else:
            self._open_pipes(owner, stdout, stderr)

    def _open_pipes(self, owner: tuple[int, int], stdout: Address | None, stderr: Address | None) -> None:
        if self._names.stdin:
            self._child[0], ours = _pipe_for(owner, child_writes=False)
            self._input = Input(self._factory.loop, self._names.stdin, ours, closes_sink=True)
        if self._logger is not None:
            self._child[1:] = self._logger.stdout, self._logger.stderr
            return
        for number, address in ((1, stdout), (2, stderr)):
            if address is not None:
                self._child[number], ours = _pipe_for(owner, child_writes=True)
                self._outputs.append(self._output(ours, address, splices=True))

    def _output(self, source: int, address: Address, *, splices: bool, sink: int = -1) -> Output | LogFile:
        factory = self._factory
        try:
            if address.scheme == FILE:
                return LogFile(factory.loop, source, address.path, factory.warn, sink=sink)
            spill = Spill(disk_folder(self._bundle))
            return Output(factory.loop, factory.events, source, address.path, spill, splices=splices, sink=sink)
        except BaseException:
            os.close(source)
            raise

    def relieve_runtime(self) -> None:
        """For a runtime that ends before the process's program begins: what it writes must not hold it up."""
        for output in self._outputs:
            output.relieve()

    async def started(self) -> None:
        """The process has its streams: close its ends here, and take over its terminal. Raises EngineError."""
        self._close_child()
        if self._console is not None:
            await self._take_terminal(self._console)
        for output in self._outputs:
            output.begin()

    async def _take_terminal(self, console: ConsoleSocket) -> None:
        self._master = await console.receive()
        console.close()
        self._console = None
        if self._names.stdin:
            self._input = Input(self._factory.loop, self._names.stdin, os.dup(self._master), closes_sink=True)
        if self._names.stdout:
            address, sink = address_from_name(self._names.stdout), -1
            if self._logger is not None:
                address, sink = Address(FIFO, "", []), self._to_logger
                self._to_logger = -1
                os.set_blocking(sink, False)
            self._outputs.append(self._output(os.dup(self._master), address, splices=False, sink=sink))

    def give(self) -> Given | None:
        """What is open, for `take` in another process; None where that cannot go on with it.

        It cannot while an output is spilled, waited for or at its end, nor with a logging program: that is our child.
        """
        open_outputs = [output for output in self._outputs if not output.finished.done]
        outputs = [given for output in open_outputs if (given := output.give()) is not None]
        if len(outputs) < len(open_outputs) or self._logger is not None:
            return None
        return self._master, self._input.give() if self._input is not None else None, outputs

    def take(self, given: Given) -> None:
        self._master, source, outputs = given
        if source is not None:
            self._input = Input.take(self._factory.loop, source)
        for reading, writing, name, splices in outputs:
            self._outputs.append(self._output(reading, address_from_name(name), splices=splices, sink=writing))
        for output in self._outputs:
            output.begin()

    def resize(self, width: int, height: int) -> None:
        if self._master >= 0:
            resize(self._master, width, height)

    def close_stdin(self) -> None:
        if self._input is not None:
            self._input.half_close()

    async def drain(self, seconds: float) -> None:
        """Wait until readers have all output, at most `seconds` for each stream; not at all where nobody reads.

        Nor where the reader leaves meanwhile: that is looked for every `_LOOK` seconds.
        """
        for output in self._outputs:
            left = seconds
            while left > 0 and not output.finished.done and output.is_read():
                await self._factory.loop.done_within(output.finished, _LOOK)
                left -= _LOOK
        if self._logger is not None:
            await self._factory.loop.done_within(self._logger.exited, seconds)

    def close(self) -> None:
        """Let go of everything; output that nobody has read is lost."""
        self._close_child()
        if self._console is not None:
            self._console.close()
            self._console = None
        if self._input is not None:
            self._input.close()
        for output in self._outputs:
            output.discard()
        if self._logger is not None:
            self._logger.stop()
        if self._to_logger >= 0:
            os.close(self._to_logger)
            self._to_logger = -1
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _close_child(self) -> None:
        for descriptor in self._child:
            if descriptor >= 0:
                os.close(descriptor)
        self._child = [-1, -1, -1]


def _pipe_for(owner: tuple[int, int], *, child_writes: bool) -> tuple[int, int]:
    """(the child's end, ours) of a new pipe that belongs to `owner`."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    if owner != (0, 0):
        os.fchown(reading, *owner)
        os.fchown(writing, *owner)
    return (writing, reading) if child_writes else (reading, writing)

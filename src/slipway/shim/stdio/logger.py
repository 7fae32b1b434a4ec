"""Logging programs: `binary:///path?key=value` runs one that reads a container's output.

Source: containerd core/runtime/v2/README.md, "Logging".
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import os

from slipway.base.errors import EngineError
from slipway.linux.processes import is_ending
from slipway.shim.stdio.address import Address
from slipway.transport.plain.children import Children
from slipway.transport.plain.loop import READABLE, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.transport.plain.children import Exit
    from slipway.transport.plain.loop import Future

READY_SECONDS = 30.0
"""How long a program may take until it is ready; the original waits for ever."""

_REPORT = 6
_KILLED_AFTER = 2.0  # seconds that a program has after SIGTERM


class Logger:
    """A program that runs and reads; `stdout` and `stderr` lead to it, until who has them closes them.

    It ends when both streams do, when it is told to, or with this process.
    """

    __slots__ = ("_loop", "_path", "_pid", "exited", "stderr", "stdout")

    def __init__(self, loop: Loop, path: str, pid: int, exited: Future, stdout: int, stderr: int) -> None:
        self._loop = loop
        self._path = path
        self._pid = pid
        self.exited = exited
        self.stdout = stdout
        self.stderr = stderr

    @classmethod
    async def start(cls, loop: Loop, children: Children, program: Address, id: str, namespace: str) -> Logger:
        """Start it and wait until it is ready. Raises EngineError: it cannot be run, it failed, it is never ready.

        The program has stdout, stderr and a pipe to close when it is ready as descriptors 3, 4 and 5, the container's
        id and namespace in its environment, and nothing else: as with the original.
        """
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(4)]
        (stdout, stdout_end), (stderr, stderr_end), (ready, ready_end), (report, report_end) = pipes
        environment = {"CONTAINER_ID": id, "CONTAINER_NAMESPACE": namespace}

        def run() -> int:
            os.set_inheritable(_REPORT, False)
            try:
                os.execve(program.path, [program.path, *program.arguments], environment)
            except OSError as error:
                os.write(_REPORT, os.fsencode(error.strerror or str(error)))
            return 127

        try:
            try:
                pid = children.fork(run, (-1, -1, -1), keep=(stdout, stderr, ready_end, report_end))
            finally:
                for descriptor in (stdout, stderr, ready_end, report_end):
                    os.close(descriptor)
            logger = cls(loop, program.path, pid, children.wait(pid), stdout_end, stderr_end)
            try:
                await logger._wait_ready(ready, report)
            except BaseException:
                logger.kill()
                raise
        except BaseException:
            os.close(stdout_end)
            os.close(stderr_end)
            raise
        finally:
            os.close(ready)
            os.close(report)
        return logger

    async def _wait_ready(self, ready: int, report: int) -> None:
        """Nothing but the end of `ready` is needed: it has closed it, or ended."""
        happened = self._loop.future()
        self._loop.watch(ready, READABLE, happened.resolve)
        try:
            if not await self._loop.done_within(happened, READY_SECONDS):
                raise EngineError(f"start logging program {self._path}: not ready within {READY_SECONDS:g} s")
        finally:
            self._loop.unwatch(ready)
        said = os.read(ready, 1)
        os.set_blocking(report, False)
        if words := _read_now(report):
            raise EngineError(f"start logging program {self._path}: {words}")
        if not said and is_ending(self._pid) and await self._loop.done_within(self.exited, READY_SECONDS):
            ended: Exit = await self.exited
            if ended.status:
                raise EngineError(f"start logging program {self._path}: it ended with status {ended.status}")

    def stop(self) -> None:
        """Ask it to end, and kill it when it does not."""
        self._signal(_signal.SIGTERM)
        if not self.exited.done:
            self._loop.call_later(_KILLED_AFTER, self.kill)

    def kill(self) -> None:
        self._signal(_signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """It is our child: its number is nobody else's before its exit was seen."""
        if not self.exited.done:
            os.kill(self._pid, number)


def _read_now(descriptor: int) -> str:
    try:
        return os.fsdecode(os.read(descriptor, 4096))
    except BlockingIOError:
        return ""

"""The calling side of an OCI runtime: its command line, its log, and its words when it fails.

Source: opencontainers/runc man/*.8.md, and the calls that the original shim makes.
"""

from __future__ import annotations

import os

from slipway.base import json_text
from slipway.base.errors import EngineError, NotFound
from slipway.clients.runc.log import last_error
from slipway.transport.plain.children import Children, Exit
from slipway.transport.plain.loop import READABLE, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.clients.runc.program import Program

_MOST_OUTPUT = 4 << 20
_MOST_WORDS = 16 << 10  # characters of an error; its beginning says what is wrong


class Runtime:
    """One OCI runtime for one container's bundle. Failures raise EngineError with the runtime's own last words."""

    def __init__(
        self, loop: Loop, children: Children, program: Program, *, root: str, log: str, systemd_cgroup: bool
    ) -> None:
        """`root` is where the runtime keeps state, `log` the file that it writes its JSON log to."""
        self._loop = loop
        self._children = children
        self._program = program
        self._log = log
        self._global = ["--root", root, "--log", log, "--log-format", "json"]
        if systemd_cgroup:
            self._global.append("--systemd-cgroup")

    async def create(self, id: str, bundle: str, stdio: tuple[int, int, int], flags: list[str]) -> None:
        """Make the container up to the point where its program would start. Its stdio is `stdio`."""
        await self._run("OCI runtime create failed", ["create", "--bundle", bundle, *flags, id], stdio)

    async def start(self, id: str) -> None:
        await self._captured("OCI runtime start failed", ["start", id])

    async def exec(self, id: str, process_file: str, stdio: tuple[int, int, int], flags: list[str]) -> None:
        """Start the OCI process in `process_file` inside the container and leave it running."""
        arguments = ["exec", "--process", process_file, "--detach", *flags, id]
        await self._run("OCI runtime exec failed", arguments, stdio)

    async def checkpoint(self, id: str, flags: list[str]) -> None:
        """Save the processes, by criu. Unless a flag leaves them running, the container has then ended and is gone."""
        await self._captured("OCI runtime checkpoint failed", ["checkpoint", *flags, id])

    async def restore(self, id: str, bundle: str, stdio: tuple[int, int, int], flags: list[str]) -> None:
        """Make the container again from what `checkpoint` saved, and leave it running. Its stdio is `stdio`."""
        arguments = ["restore", "--bundle", bundle, "--detach", "--no-subreaper", *flags, id]
        await self._run("OCI runtime restore failed", arguments, stdio)

    async def kill(self, id: str, signal: int, *, all: bool = False) -> None:
        """Signal the container's init, or all its processes. Raises NotFound when it has ended or is not there."""
        arguments = ["kill", *(["--all"] if all else []), id, str(signal)]
        try:
            await self._captured("OCI runtime kill failed", arguments)
        except EngineError as error:
            raise _kill_error(error) from error

    async def delete(self, id: str, *, force: bool = False) -> None:
        """Remove what the runtime keeps of a container. One that it does not know is deleted already."""
        try:
            await self._captured("failed to delete task", ["delete", *(["--force"] if force else []), id])
        except EngineError as error:
            if "does not exist" not in error.message:
                raise

    async def pause(self, id: str) -> None:
        await self._captured("OCI runtime pause failed", ["pause", id])

    async def resume(self, id: str) -> None:
        await self._captured("OCI runtime resume failed", ["resume", id])

    async def update(self, id: str, resources: bytes) -> None:
        """Change limits to those of an OCI LinuxResources JSON text."""
        descriptor = os.memfd_create("resources", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, resources)
            os.lseek(descriptor, 0, os.SEEK_SET)
            await self._captured("OCI runtime update failed", ["update", "--resources", "-", id], stdin=descriptor)
        finally:
            os.close(descriptor)

    async def processes(self, id: str) -> list[int]:
        """The process ids of the container, as this process' PID namespace numbers them."""
        output = await self._captured("OCI runtime ps failed", ["ps", "--format", "json", id])
        numbers = json_text.loads(output, "the runtime's list of processes")
        return [number for number in numbers if isinstance(number, int)] if isinstance(numbers, list) else []

    async def features(self) -> bytes:
        """The runtime's features document, JSON (runtime-spec features.md)."""
        return await self._captured("OCI runtime features failed", ["features"])

    async def _captured(self, what: str, arguments: list[str], *, stdin: int = -1) -> bytes:
        """Run a command that starts no program of the container; what it printed."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reading, False)
        output = bytearray()

        def receive(_events: int) -> None:
            try:
                data = os.read(reading, 1 << 16)
            except BlockingIOError:
                return
            if len(output) < _MOST_OUTPUT:
                output.extend(data)
            if not data:
                self._loop.unwatch(reading)

        self._loop.watch(reading, READABLE, receive)
        try:
            await self._run(what, arguments, (stdin, writing, writing), closing=writing, printed=output)
            receive(0)  # the exit may have been seen first
            return bytes(output)
        finally:
            self._loop.unwatch(reading)
            os.close(reading)

    async def _run(
        self,
        what: str,
        arguments: list[str],
        stdio: tuple[int, int, int],
        *,
        closing: int = -1,
        printed: bytearray | None = None,
    ) -> None:
        command = self._global + arguments
        seen = self._log_size()
        try:
            pid = self._children.fork(lambda: self._program(command), stdio)
        finally:
            if closing >= 0:
                os.close(closing)
        ended: Exit = await self._children.wait(pid)
        if ended.status:
            raise EngineError(f"{what}: {self._last_words(seen, arguments[0], ended, printed or b'')}")

    def _log_size(self) -> int:
        try:
            return os.stat(self._log).st_size
        except FileNotFoundError:
            return 0

    def _last_words(self, seen: int, verb: str, ended: Exit, printed: bytes | bytearray) -> str:
        """The last error in the log beyond byte `seen`; else what was printed; else the status."""
        words = last_error(_read_from(self._log, seen).decode("utf-8", "replace"))
        words = words or printed[: 4 * _MOST_WORDS].decode("utf-8", "replace").strip()
        return words[:_MOST_WORDS] or f"runtime {verb} exited with status {ended.status}"


def _read_from(path: str, offset: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, 1 << 20, offset)
    finally:
        os.close(descriptor)


_FINISHED = ("process already finished", "container not running", "no such process")


def _kill_error(error: EngineError) -> EngineError:
    """runc has no exit status for "already gone": its words are the interface (the original shim reads them too)."""
    words = error.message.lower()
    if any(finished in words for finished in _FINISHED):
        return NotFound("process already finished: not found")
    if "does not exist" in words:
        return NotFound("no such container: not found")
    return EngineError(f"unknown error after kill: {error.message}")

"""A person at a terminal: a client on a pseudo-terminal, keys typed, text awaited, the window resized."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from types import TracebackType
from typing import Self

from tests.support.docker import Docker

DETACH_KEYS = "\x10\x11"  # ctrl-p ctrl-q


class Terminal:
    """`docker ARGUMENTS` as the foreground program of a terminal of its own; killed at the end of the `with`."""

    def __init__(self, client: Docker, *arguments: str, rows: int = 24, columns: int = 80) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(rows, columns, tell=False)
        self.seen = ""
        environment = client.env() | {"TERM": "xterm"}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *client.argv(*arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str, seconds: float = 20) -> str:
        """Read until `text` has come since the last call; return what came with it. AssertionError if it does not."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} did not come within {seconds:g} s, but {self.seen!r}")
        upto = self.seen.index(text) + len(text)
        got, self.seen = self.seen[:upto], self.seen[upto:]
        return got

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # EIO: the other side is closed
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def resize(self, rows: int, columns: int, *, tell: bool = True) -> None:
        """Change the window's size, and tell the client as a terminal would."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            os.kill(self._client_pid(), signal.SIGWINCH)

    def _client_pid(self) -> int:
        children = f"/proc/{self._process.pid}/task/{self._process.pid}/children"
        with open(children) as file:
            return int((file.read().split() or [str(self._process.pid)])[0])

    def settings(self) -> list[object]:
        """The terminal's own settings: the client must put back what it changed."""
        return list(termios.tcgetattr(self._ours))

    def end(self, seconds: float = 20) -> tuple[str, int]:
        """Read to the client's end; what was still written, and its exit status."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        status = self._process.wait(max(0.1, deadline - time.monotonic()))
        return self.seen, status

"""A person at a terminal: a client on a pseudo-terminal, what it showed, and what is typed."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from types import TracebackType


class Terminal:
    """Runs a command on a terminal of its own of `rows` x `columns`. A context manager: leaving it ends the command."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], *, rows: int = 24, columns: int = 80
    ) -> None:
        self._master, self._slave = pty.openpty()
        self.resize_quietly(rows, columns)
        self.mode_before = termios.tcgetattr(self._slave)
        self.shown = ""
        self.process = subprocess.Popen(
            list(command),
            env=environment,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def resize_quietly(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows: int, columns: int) -> None:
        """As a terminal emulator does: set the size, then the kernel tells the process. Ours is not in its session."""
        self.resize_quietly(rows, columns)
        self.process.send_signal(28)  # SIGWINCH

    def type(self, text: str | bytes) -> None:
        os.write(self._master, text.encode() if isinstance(text, str) else text)

    def expect(self, text: str, seconds: float = 15) -> str:
        """Wait until `text` was shown since the last `expect`; everything shown up to its end."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, f"waited {seconds} s in vain for {text!r}; shown: {self.shown!r}"
            self._read(left)
        before, found, self.shown = self.shown.partition(text)
        return before + found

    def end(self, seconds: float = 20) -> int:
        """Wait for the command's end; its status. What was shown till then is in `shown`."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"the command did not end; shown: {self.shown!r}"
            self._read(0.05)
        while self._read(0.05):
            pass
        return self.process.returncode

    def mode(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        self.shown += os.read(self._master, 65536).decode("utf-8", "replace")
        return True

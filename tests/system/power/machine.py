"""The guest with a disk that stays, whose power can be cut. A cut keeps what the guest has written to its disk by then.

qemu writes each request through to the file before it tells the guest, and SIGKILL ends it between two instructions:
what the guest still has in its page cache is lost, as with a disk that has no cache of its own.
"""

import os
import signal
import subprocess
from pathlib import Path

from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

BOOT_SECONDS = 600.0


class Machine:
    """`stage` is what the guest sees at /src. Use as a context manager around each boot: `with machine.boot(...)`."""

    def __init__(self, folder: Path, stage: Path) -> None:
        self._stage = stage
        self._folder = folder
        self._boots = 0

    def boot(self, command: str) -> "Boot":
        self._boots += 1
        return Boot(self._folder / f"boot{self._boots}", self._folder / "disk", self._stage, command)


class Boot:
    """One boot, running a command. Ended by force with the block."""

    def __init__(self, folder: Path, disk: Path, stage: Path, command: str) -> None:
        (folder / "tmp").mkdir(parents=True)
        self._folder = folder
        argv = [str(CHECKOUT / "tools/vm/run"), "--time", f"{BOOT_SECONDS:g}", "--disk", str(disk), str(stage), command]
        variables = {"TMPDIR": str(folder / "tmp"), "VM_PIDFILE": str(folder / "pid")}
        with open(folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                argv, env=os.environ | variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> "Boot":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)  # tools/vm/run, its time limit and the emulator
        self._process.wait()

    def said(self) -> str:
        """What the command has printed so far."""
        outs = list((self._folder / "tmp").glob("*/out"))
        if outs:
            try:
                return outs[0].read_text("utf-8", "replace").replace("\r", "")
            except FileNotFoundError:  # it ends, and removes that
                pass
        return (self._folder / "log").read_text("utf-8", "replace")

    def wait_said(self, words: str) -> None:
        def is_said() -> bool:
            assert self._process.poll() is None or words in self.said(), f"the guest ended:\n{self.said()}"
            return words in self.said()

        try:
            wait_until(is_said, f"the guest to say {words!r}", BOOT_SECONDS)
        except AssertionError as late:
            raise AssertionError(f"{late}; it said:\n{self.said()}") from None

    def cut(self, *, after: float) -> None:
        """Take the power away in so many seconds. AssertionError when the guest has ended by then."""
        try:
            self._process.wait(after)
        except subprocess.TimeoutExpired:
            pass
        else:
            raise AssertionError(f"the guest ended:\n{self.said()}")
        os.kill(int((self._folder / "pid").read_text()), signal.SIGKILL)
        self._process.wait(60)

    def wait_end(self) -> str:
        """Wait until the command has ended well; what it printed."""
        assert self._process.wait(BOOT_SECONDS) == 0, self.said()
        return self.said()

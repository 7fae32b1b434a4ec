"""Our engine, run by tests: this checkout's dockerd, an instance of its own in private namespaces."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.support import cgroup_folders, processes
from tests.support.paths import CHECKOUT, LAUNCHERS
from tests.support.programs import Programs
from tests.support.sandbox import Sandbox
from tests.support.waiting import SLOWNESS, wait_until
from tools.dev import api
from tools.dev.launchers import make as make_launchers

TOLD = 2000  # characters of a log beside a traceback


class OurEngine:
    """One dockerd and what it supervises. `folder` holds all its files; short, as socket paths end at 107 bytes.

    `start` may be called again after `kill`: the namespaces stay, as the machine stays when a daemon dies.
    """

    def __init__(self, folder: Path, *flags: str, launchers: Path | None = None, under: tuple[str, ...] = ()) -> None:
        launchers = launchers or Programs.folder
        if launchers == LAUNCHERS:
            make_launchers(CHECKOUT)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.launchers = launchers
        self.name = f"slipway-{folder.parent.name}-{folder.name}"
        self.cgroup_parent = self.name
        self.host = f"unix://{folder}/docker.sock"
        self.flags = flags
        self.under = under  # a program that starts dockerd: capsh, strace
        self.environment: dict[str, str] = {}
        self.sandbox = Sandbox()
        self._process: subprocess.Popen[bytes] | None = None

    def argv(self) -> list[str]:
        return [
            *self.under,
            str(self.launchers / "dockerd"),
            f"--config-file={os.devnull}",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/run",
            f"--pidfile={self.folder}/docker.pid",
            f"--host={self.host}",
            f"--cgroup-parent={self.cgroup_parent}",
            *self.flags,
        ]

    def start(self, *, seconds: float = 20) -> "OurEngine":
        """Start dockerd and wait until it answers. AssertionError with its log's end when it does not."""
        path = f"{self.launchers}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", **self.environment}
        if SLOWNESS == 1:  # where each instruction is emulated, 50 ms are nothing
            environment["SLIPWAY_WATCHDOG"] = str(self.folder / "watchdog.txt")
        with open(self.folder / "dockerd.log", "ab") as log:
            self._process = self.sandbox.popen(
                self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        try:
            wait_until(self._is_serving, "our dockerd to answer", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}; the end of {self.folder}/dockerd.log:\n{self.log()[-3000:]}") from None
        return self

    def _is_serving(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"our dockerd ended with {self._process.returncode}")
        return api.is_serving(self.folder / "docker.sock")

    @property
    def pid(self) -> int:
        """dockerd's own."""
        assert self._process is not None
        return self._process.pid

    @property
    def containerd_pid(self) -> int:
        """The containerd that dockerd supervises, also when dockerd is dead."""
        mine = [p for p in processes.mentioning(str(self.folder)) if "containerd-shim" not in p.command]
        return next(p.pid for p in mine if "/containerd " in p.command or p.command.startswith("containerd "))

    @property
    def containerd_address(self) -> str:
        return f"{self.folder}/run/containerd/containerd.sock"

    @property
    def enter(self) -> list[str]:
        """Put before a command, runs it in the engine's network namespace (with this machine's files)."""
        return ["nsenter", "-t", str(self.sandbox.pid), "-n", "--"]

    def log(self) -> str:
        return (self.folder / "dockerd.log").read_text("utf-8", "replace")

    def tracebacks(self) -> str:
        """The log around its first traceback, or forgotten task, which shows a bug; empty when there is none."""
        log = self.log()
        found = re.search("Traceback|was destroyed but it is pending", log)
        return log[max(0, found.start() - TOLD) : found.end() + TOLD] if found else ""

    def held_up(self) -> str:
        """What the watchdog tells of callbacks that held up a daemon's event loop."""
        with suppress(FileNotFoundError):
            return (self.folder / "watchdog.txt").read_text("utf-8", "replace")
        return ""

    def kill(self) -> None:
        """SIGKILL dockerd alone: its containerd, shims and containers stay."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_both(self) -> None:
        """SIGKILL dockerd and its containerd, as a crash would."""
        containerd = processes.read(self.containerd_pid)
        assert containerd is not None
        self.kill()
        processes.end([containerd])

    def stop(self, *, seconds: float = 30) -> None:
        """SIGTERM dockerd and wait for its end, as an administrator would. What it leaves stays to be looked at."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(
                f"our dockerd did not stop within {seconds:g} s of SIGTERM:\n{self.log()[-2000:]}"
            ) from None

    def close(self) -> None:
        """End everything by force and take back all of it. For the end of a test run, whatever happened before.

        AssertionError when the watchdog found a callback that held up an event loop of these daemons, and for an error
        that they did not expect: those are logged with a traceback.
        """
        try:
            self.stop()
            assert not (told := self.held_up()), f"an event loop was held up:\n{told}"
            assert not (told := self.tracebacks()), f"a daemon met what it did not expect:\n{told}"
        finally:
            mine = [p for p in processes.mentioning(str(self.folder)) if p.pid != os.getpid()]
            processes.end([*mine, *(d for p in mine for d in processes.descendants(p.pid))])
            cgroup_folders.end_all_in(self.cgroup_parent)
            self.sandbox.close()
            with suppress(FileNotFoundError):
                shutil.rmtree(self.folder)

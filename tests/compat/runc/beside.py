"""Runs one command line of runc twice in the sid tree, with the original program and with ours, on equal bundles."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from slipway.linux import cgroups
from slipway.runc.spec.example import example_spec
from tests.support import oci_record, peers
from tests.support.busybox import busybox_program
from tests.support.our_runc import write_launcher
from tests.support.paths import CHECKOUT
from tests.support.processes import open_files
from tests.support.waiting import wait_until

SIDES = ("orig", "ours")
# For tests of one side at a time: what the original does says that the test is right, and is asked with --all.
ONE_SIDE = (pytest.param("orig", marks=pytest.mark.matrix), "ours")
APPLETS = ("sh", "cat", "sleep", "id", "true", "env", "echo", "tty", "kill", "ls", "dd", "tail", "head")
_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"), "<time>"),
    (re.compile(r'("?pid"?: ?)[1-9]\d*'), r"\1<pid>"),
)


class Done(NamedTuple):
    """What a caller of runc gets: `log` is what --log received, as (level, message) pairs."""

    status: int
    out: str
    err: str
    log: list[tuple[str, str]]


class Pair:
    """The two programs, each with a folder, a state root and control groups of its own, of names of equal length."""

    def __init__(self, folder: Path) -> None:
        peers.install("sid")
        folder.mkdir(parents=True)
        self.folder = folder
        self.group = f"slipway-{folder.parent.name}-{folder.name}"
        argv, environment = peers.enter("sid", "sleep", "infinity", share=folder, bind=(CHECKOUT,))
        self._holder = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL)
        self._programs = {"orig": "/usr/sbin/runc", "ours": str(write_launcher(folder / "bin"))}
        self.bundles = 0
        for side in SIDES:
            (folder / side / "root").mkdir(parents=True)
        wait_until(lambda: Path(f"/proc/{self._holder.pid}/comm").read_text() == "sleep\n", "the tree to be entered")

    @property
    def enter(self) -> list[str]:
        """Put before a command, runs it in the tree."""
        return ["nsenter", "-t", str(self._holder.pid), "-m", "--root", "--wd", "--"]

    def argv(self, side: str, *words: str, cwd: str = "") -> list[str]:
        """`words` may name `{side}`; --root is given where `words` do not begin with a global flag of their own."""
        if side == "ours":
            oci_record.note_words(words)
        told = [word.replace("{side}", f"{self.folder}/{side}") for word in words]
        flags = [] if told[:1] == ["--root"] else ["--root", f"{self.folder}/{side}/root"]
        there = cwd.replace("{side}", f"{self.folder}/{side}") or f"{self.folder}/{side}"
        return [*self.enter, "env", "-C", there, self._programs[side], *flags, *told]

    def run(self, side: str, *words: str, cwd: str = "", log: bool = True, **options: Any) -> Done:
        """One command to its end. Output goes to files: a container keeps the descriptors of `create` and `run -d`."""
        place = self.folder / side
        options.setdefault("stdin", subprocess.DEVNULL)
        flags = ["--log", f"{place}/log", "--log-format", "json"] if log else []
        with open(place / "stdout", "w+b") as out, open(place / "stderr", "w+b") as err:
            argv = self.argv(side, *flags, *words, cwd=cwd)
            done = subprocess.run(argv, stdout=out, stderr=err, timeout=60, check=False, **options)
            texts = [os.pread(file.fileno(), 1 << 20, 0).decode("utf-8", "replace") for file in (out, err)]
        lines = []
        if (place / "log").exists():
            lines = [json.loads(line) for line in (place / "log").read_text().splitlines()]
            (place / "log").unlink()
        entries = [(line["level"], self.mask(side, line["msg"])) for line in lines]
        return Done(done.returncode, self.mask(side, texts[0]), self.mask(side, texts[1]), entries)

    def both(self, *words: str, **options: Any) -> dict[str, Done]:
        """At the same time: they share nothing."""
        with ThreadPoolExecutor(len(SIDES)) as pool:
            pending = {side: pool.submit(self.run, side, *words, **options) for side in SIDES}
        return {side: done.result() for side, done in pending.items()}

    def ok(self, *words: str, **options: Any) -> dict[str, Done]:
        done = self.both(*words, **options)
        assert [one.status for one in done.values()] == [0, 0], done
        return done

    def mask(self, side: str, text: str) -> str:
        text = text.replace(self._programs[side], "runc").replace(f"{self.folder}/{side}", "<side>")
        text = text.replace(f"{self.group}/{side}", "<group>")
        for pattern, replacement in _MASKS:
            text = pattern.sub(replacement, text)
        return text

    def bundle(self, *args: str, change: "Callable[[dict[str, Any]], None] | None" = None) -> str:
        """A bundle for each; the name that both have. Give `{side}/NAME` to --bundle."""
        self.bundles += 1
        name = f"b{self.bundles}"
        for side in SIDES:
            binaries = self.folder / side / name / "rootfs/bin"
            binaries.mkdir(parents=True)
            os.link(self._busybox(), binaries / "busybox")
            for applet in APPLETS:
                (binaries / applet).symlink_to("busybox")
            spec: dict[str, Any] = example_spec()
            spec["process"] |= {"terminal": False, "args": list(args)}
            spec["root"]["readonly"] = False
            spec["linux"]["cgroupsPath"] = f"/{self.group}/{side}/{name}"
            if change is not None:
                change(spec)
            oci_record.note_spec(spec)
            (self.folder / side / name / "config.json").write_text(json.dumps(spec))
        return name

    def _busybox(self) -> Path:
        path = self.folder / "busybox"
        if not path.exists():
            shutil.copy(busybox_program(), path)
        return path

    def created(self, container: str, *args: str, **options: Any) -> None:
        name = self.bundle(*args, **options)
        self.ok("create", "--bundle", f"{{side}}/{name}", container)

    def in_state(self, status: str, container: str) -> None:
        """A container of each that is created, running, paused or stopped; `absent` makes none."""
        if status == "absent":
            return
        self.created(container, *(["true"] if status == "stopped" else ["sleep", "1000"]))
        if status != "created":
            self.ok("start", container)
        if status == "paused":
            self.ok("pause", container)
        if status == "stopped":
            wait_until(lambda: all(self.status(side, container) == "stopped" for side in SIDES), "the end of true")

    def state(self, side: str, container: str) -> dict[str, Any]:
        done = subprocess.run(self.argv(side, "state", container), capture_output=True, check=True, timeout=60)
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def status(self, side: str, container: str) -> str:
        return str(self.state(side, container)["status"])

    def wait_for_both(self, condition: Callable[[str], bool]) -> None:
        """Wait until a condition holds for both."""
        wait_until(lambda: all(map(condition, SIDES)), "both sides")

    def wait_for_listener(self, pid: int) -> None:
        """Until the process, or what it has become, holds the event descriptor by which the kernel tells of memory."""

        def listens() -> bool:
            links = open_files(pid)
            return any(link.endswith("memory.oom_control") or link == "anon_inode:inotify" for link in links)

        wait_until(listens, "the stream of events to listen")

    def remove_all(self) -> None:
        for side in SIDES:
            for entry in list((self.folder / side / "root").iterdir()):
                if entry.is_dir() and not entry.name.startswith("."):
                    self.run(side, "delete", "--force", entry.name)

    def close(self) -> None:
        self.remove_all()
        self._holder.send_signal(signal.SIGKILL)
        self._holder.wait()
        for point in dict.fromkeys(cgroups.discover().points.values()):
            cgroups.remove(f"{point}/{self.group}", 10.0)
        shutil.rmtree(self.folder)
        peers.forget_share("sid", self.folder)

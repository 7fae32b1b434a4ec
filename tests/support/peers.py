"""The originals of tools/peers: Docker, containerd, runc and a registry, run beside us in namespaces of their own."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.support import cgroup_folders, processes
from tests.support.paths import PEERS, PEERS_HOME
from tests.support.waiting import wait_until

SUITES = {"trixie": "Docker 26.1, containerd 1.7, runc 1.1", "sid": "Docker 28.5, containerd 2.1, runc 1.3"}


def install(suite: str) -> Path:
    """The tree of `suite`, made first when missing (1-3 minutes). RuntimeError with the log's end when that fails."""
    done = subprocess.run([str(PEERS / "install"), suite], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"install peers {suite}: {done.stderr.strip()}")
    return PEERS_HOME / suite


def enter(suite: str, *argv: str, share: Path, bind: tuple[Path, ...] = ()) -> tuple[list[str], dict[str, str]]:
    """The command and environment that run `argv` inside the tree; `share` and `bind` show at the same paths inside."""
    environment = os.environ | {"PEERS_SHARE": str(share), "PEERS_BIND": ":".join(map(str, bind))}
    return [str(PEERS / "enter"), suite, *argv], environment


def forget_share(suite: str, share: Path) -> None:
    """Remove the share's path inside the tree, which `enter` has made; nothing is in it, nor anybody by now."""
    for place in (share, *share.parents):
        with suppress(OSError):
            (PEERS_HOME / suite / place.relative_to("/")).rmdir()


def criu(folder: Path) -> Path:
    """A folder for PATH with a program `criu` in it: sid's, run by that tree's loader. Made below `folder`.

    It holds up network connections by nftables: a machine need not have the iptables that it would call.
    """
    tree = install("sid")
    program = folder / "programs" / "criu"
    program.parent.mkdir(parents=True, exist_ok=True)
    loader = f"{tree}/lib64/ld-linux-x86-64.so.2 --library-path {tree}/usr/lib/x86_64-linux-gnu"
    settings = program.with_name("criu.conf")
    settings.write_text("network-lock nftables\n")
    program.write_text(f'#!/bin/sh\nCRIU_CONFIG_FILE={settings} exec {loader} {tree}/usr/sbin/criu "$@"\n')
    program.chmod(0o755)
    return program.parent


class OriginalEngine:
    """An original dockerd with its containerd, in namespaces of its own, its socket below `folder` (a short path)."""

    def __init__(self, suite: str, folder: Path, *flags: str, under: tuple[str, ...] = ()) -> None:
        install(suite)
        self.suite = suite
        self.name = f"slipway-{folder.parent.name}-{folder.name}"
        self.folder = folder
        self.cgroup_parent = self.name
        self.host = f"unix://{folder}/{self.name}/docker.sock"
        argv = [*under, str(PEERS / "dockerd"), suite, self.name, "--cgroup-parent", self.cgroup_parent, *flags]
        try:
            done = subprocess.run(
                argv, env=os.environ | {"PEERS_SHARE": str(folder)}, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"start the original dockerd of {suite}: {done.stderr.strip()}")
        except BaseException:  # an interrupt, too: the script has put it into the background
            mine = processes.mentioning(self.name)
            processes.end([*mine, *(below for p in mine for below in processes.descendants(p.pid))])
            self._take_back()
            raise

    @property
    def pid(self) -> int:
        """dockerd's own."""
        return int((self.folder / self.name / "dockerd.pid").read_text())

    @property
    def containerd_pid(self) -> int:
        return next(p.pid for p in processes.descendants(self.pid) if p.command.startswith("containerd "))

    @property
    def enter(self) -> list[str]:
        """Put before a command, runs it in the engine's network namespace (with this machine's files)."""
        return ["nsenter", "-t", str(self.pid), "-n", "--"]

    def log(self) -> str:
        return (self.folder / self.name / "dockerd.log").read_text("utf-8", "replace")

    def kill(self) -> None:
        """SIGKILL dockerd alone: its containerd, shims and containers stay, until `stop` ends them."""
        dockerd = processes.read(self.pid)
        assert dockerd is not None
        processes.end([dockerd])

    def stop(self) -> None:
        """End it and take back all it left: processes, cgroups, its data inside the tree."""
        dockerd = processes.read(self.pid)
        mine = processes.mentioning(f"peer-{self.name}/")  # its containerd, and shims, which are nobody's children
        family = [*processes.descendants(self.pid), *mine, *(d for p in mine for d in processes.descendants(p.pid))]
        if dockerd is not None:
            with suppress(ProcessLookupError):
                os.kill(dockerd.pid, signal.SIGTERM)
            wait_until(lambda: not dockerd.is_alive(), "the end of the original dockerd", 30)
        processes.end(p for p in family if p.is_alive())
        self._take_back()

    def _take_back(self) -> None:
        cgroup_folders.end_all_in(self.cgroup_parent)
        shutil.rmtree(PEERS_HOME / self.suite / "var/lib/peer" / self.name, ignore_errors=True)
        shutil.rmtree(self.folder / self.name, ignore_errors=True)
        forget_share(self.suite, self.folder)


class OriginalContainerd:
    """An original containerd alone, for our shim or our runc beneath it, or the original `ctr` beside it.

    `bind` (our checkout, its interpreter) shows inside at the same paths; `path` is put before PATH there, so that
    containerd finds our shim by name. `under` is a program that starts it. Everything is below `folder`, which has the
    same path inside.
    """

    def __init__(
        self,
        suite: str,
        folder: Path,
        *,
        bind: tuple[Path, ...] = (),
        path: str = "",
        flags: tuple[str, ...] = (),
        under: tuple[str, ...] = (),
    ) -> None:
        install(suite)
        folder.mkdir(parents=True, exist_ok=True)
        self.suite, self.folder, self.bind = suite, folder, bind
        self.namespace = f"slipway-{folder.parent.name}-{folder.name}"  # containerd's; its cgroups are named after it
        self.address = f"{folder}/containerd.sock"
        search = f"{path}:/usr/sbin:/usr/bin:/sbin:/bin".lstrip(":")
        places = '--address "$0" --root "$1/root" --state "$1/state"'
        start = f"ip link set lo up; PATH={search} exec containerd {places} {' '.join(flags)}"
        argv, environment = enter(suite, "sh", "-c", start, self.address, str(folder), share=folder, bind=bind)
        with open(folder / "containerd.log", "ab") as log:
            self._process = subprocess.Popen(
                [*under, "unshare", "-n", *argv], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            what = f"containerd of {suite}; see {folder}/containerd.log"
            wait_until(lambda: "successfully booted" in self.log(), what, 20)
        except BaseException:  # an interrupt, too
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        return (self.folder / "containerd.log").read_text("utf-8", "replace")

    def command(self, *argv: str) -> list[str]:
        """`argv`, to be run in containerd's own namespaces: `ctr`, `ls`, ..."""
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "--root", "--wd", "--", *argv]

    def ctr_argv(self, *arguments: str) -> list[str]:
        """The original `ctr` on it, in the namespace of this run, for who holds its streams."""
        return self.command("ctr", "--address", self.address, "--namespace", self.namespace, *arguments)

    def ctr(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run `ctr` to its end."""
        argv = self.ctr_argv(*arguments)
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)

    def stop(self) -> None:
        """End it, every shim and container of it, and remove all it left."""
        mine = processes.mentioning(str(self.folder))
        processes.end([*mine, *(below for p in mine for below in processes.descendants(p.pid))])
        self._process.wait()
        cgroup_folders.end_all_in(self.namespace)
        shutil.rmtree(self.folder, ignore_errors=True)
        forget_share(self.suite, self.folder)

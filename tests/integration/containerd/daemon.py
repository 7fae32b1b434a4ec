"""Our containerd alone, in private namespaces, for tests to start, kill and start again."""

import shutil
import signal
import subprocess
from pathlib import Path

from tests.support import cgroup_folders, processes
from tests.support.paths import CHECKOUT, LAUNCHERS, PEERS_HOME
from tests.support.programs import Programs
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until
from tools.dev.launchers import make as make_launchers


class OurContainerd:
    """One containerd and its shims. `folder` must have a short name: socket paths end at 107 bytes."""

    def __init__(self, folder: Path, *flags: str, under: tuple[str, ...] = ()) -> None:
        make_launchers(CHECKOUT)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.flags = flags
        self.environment: dict[str, str] = {}
        self.under = under  # a program that starts containerd
        self.path = f"{LAUNCHERS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.address = f"{folder}/state/containerd.sock"
        # It names the cgroup that `ctr run` puts containers in. mkdtemp's names may end in `_`, a namespace's may not.
        self.namespace = f"sw{folder.parent.name}{folder.name}".replace("_", "x")
        self.sandbox = Sandbox()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        return self.folder / "containerd.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def argv(self) -> list[str]:
        program = str(Programs.containerd())
        return [*self.under, program, "--root", f"{self.folder}/root", "--state", f"{self.folder}/state", *self.flags]

    def start(self) -> "OurContainerd":
        """Start it and wait until it answers."""
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        with open(self.log_path, "ab") as log:
            before = log.tell()
            command = ["env", "-i", f"PATH={self.path}", *variables, *self.argv()]
            self._process = self.sandbox.popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: b"containerd serves" in self._log_from(before), "our containerd to serve")
        return self

    def _log_from(self, offset: int) -> bytes:
        assert self._process is not None
        log = self.log_path.read_bytes()[offset:]
        assert self._process.poll() is None, f"our containerd ended:\n{log.decode()}"
        return log

    def kill(self) -> None:
        """SIGKILL containerd alone: shims and containers stay."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(10)

    def close(self) -> None:
        """End everything by force and take back all of it: containerd first, it would start another template."""
        if self._process is not None:
            self.kill()
        mine = processes.mentioning(str(self.folder))
        processes.end([*mine, *(d for p in mine for d in processes.descendants(p.pid))])
        cgroup_folders.end_all_in(self.namespace)
        self.sandbox.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ctr_argv(self, *arguments: str | Path, suite: str = "sid") -> list[str]:
        """The original `ctr` of a suite, on our socket, for who holds its streams. It runs on this machine as it is: it
        needs nothing of its tree."""
        program = PEERS_HOME / suite / "usr/bin/ctr"
        return self.sandbox.command(program, "--address", self.address, "--namespace", self.namespace, *arguments)

    def ctr(
        self, *arguments: str | Path, suite: str = "sid", check: bool = True, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end."""
        command = self.ctr_argv(*arguments, suite=suite)
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=30)
        assert not check or done.returncode == 0, f"{command}: {done.stderr.decode()}\n{self.log_path.read_text()}"
        return done


def configured(folder: Path, configuration: str) -> OurContainerd:
    """Our containerd with a configuration file of this TOML; not started yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(configuration)
    return OurContainerd(folder, f"--config={folder}/config.toml", f"--address={folder}/state/containerd.sock")


def make_root(folder: Path) -> Path:
    """A root file system with busybox in it, for `ctr run --rootfs`."""
    root = folder / "rootfs"
    for name in ("bin", "proc", "dev", "sys", "tmp", "etc", "run"):
        (root / name).mkdir(parents=True)
    shutil.copy(PEERS_HOME / "sid/usr/bin/busybox", root / "bin/busybox")
    for name in ("sh", "sleep", "true", "cat", "echo", "kill", "seq", "touch"):
        (root / "bin" / name).symlink_to("busybox")
    return root

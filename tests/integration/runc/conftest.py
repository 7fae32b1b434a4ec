"""A place to run our runc: bundles, a state root, and control groups of its own, all gone afterwards."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from slipway.linux import cgroups
from slipway.runc.spec.example import example_spec
from tests.support import oci_record
from tests.support.busybox import busybox_program
from tests.support.paths import CHECKOUT

LAUNCH = f"import sys; sys.path.insert(0, {str(CHECKOUT / 'src')!r})\nfrom slipway.launch.runc import main; main()"
# The beginning of a script that forks runs of runc as the template does; its first word is where the sources are.
FORKING = """
import gc, json, os, sys
sys.path.insert(0, sys.argv[1])
from slipway.linux import executable, prctl
if not executable.is_unwritable():
    executable.execute_readonly(sys.orig_argv, os.environ)
from slipway.runc import main
from slipway.runc.preload import preload
preload()
gc.collect(); gc.freeze()
prctl.set_child_subreaper(True)
"""
APPLETS = ("sh", "cat", "sleep", "id", "ls", "mount", "true", "env", "head", "mknod", "kill", "echo", "tty", "grep")
PRIVATE_MOUNTS = ["unshare", "-m", "--propagation", "private"]


class Machine:
    """Runs commands of our runc in a mount namespace; `group` is the parent of all control groups that it makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "state"
        self.group = f"slipway-{folder.name}"
        self.bundles = 0

    def runc_argv(self, *words: str) -> list[str]:
        oci_record.note_words(("--root", *words))
        return [sys.executable, "-I", "-S", "-c", LAUNCH, "--root", str(self.root), *words]

    def runc(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; the caller judges the status."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("timeout", 60)
        return subprocess.run(
            [*PRIVATE_MOUNTS, *self.runc_argv(*words)],
            capture_output=True,
            text=True,
            **options,
        )

    def ok(self, *words: str, **options: Any) -> str:
        """Run one command that must succeed; its output."""
        done = self.runc(*words, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def bundle(self, *args: str, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
        """A new bundle with a busybox root file system that runs `args`."""
        self.bundles += 1
        path = self.folder / f"bundle{self.bundles}"
        (path / "rootfs/bin").mkdir(parents=True)
        (path / "rootfs/etc").mkdir()
        shutil.copy(busybox_program(), path / "rootfs/bin/busybox")
        for applet in APPLETS:
            (path / "rootfs/bin" / applet).symlink_to("busybox")
        spec: dict[str, Any] = example_spec()
        spec["process"] |= {"terminal": False, "args": list(args)}
        spec["root"]["readonly"] = False
        spec["linux"]["cgroupsPath"] = f"/{self.group}/{self.bundles}"
        if change is not None:
            change(spec)
        oci_record.note_spec(spec)
        (path / "config.json").write_text(json.dumps(spec))
        return path

    def run(
        self, *args: str, change: Callable[[dict[str, Any]], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`runc run` of a new bundle."""
        bundle = self.bundle(*args, change=change)
        return self.runc("run", "--bundle", str(bundle), bundle.name)

    def started(self, *args: str, change: Callable[[dict[str, Any]], None] | None = None) -> str:
        """The id of a running container."""
        bundle = self.bundle(*args, change=change)
        self.ok_detached("create", "--bundle", str(bundle), bundle.name)
        self.ok("start", bundle.name)
        return bundle.name

    def ok_detached(self, *words: str) -> None:
        """For `create` and `run -d`: the container keeps the standard streams, so they must not be pipes of ours."""
        with open(self.folder / "output", "w+b") as output:
            done = subprocess.run(
                [*PRIVATE_MOUNTS, *self.runc_argv(*words)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=60,
            )
        assert done.returncode == 0, (self.folder / "output").read_text("utf-8", "replace")

    def containers(self) -> list[str]:
        """The ids of all; `list` refuses a root that nothing has made yet."""
        return self.ok("list", "-q").split() if self.root.exists() else []

    def state(self, container: str) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.ok("state", container))
        return result

    def groups(self) -> list[str]:
        """Control group directories of this machine that still exist, below the parent."""
        points = dict.fromkeys(cgroups.discover().points.values())
        return [
            entry.path
            for point in points
            if os.path.isdir(f"{point}/{self.group}")
            for entry in os.scandir(f"{point}/{self.group}")
            if entry.is_dir()
        ]

    def close(self) -> None:
        """End what a failed test left."""
        for container in [entry.name for entry in self.root.iterdir()] if self.root.exists() else []:
            self.runc("delete", "--force", container)
        for point in dict.fromkeys(cgroups.discover().points.values()):
            cgroups.remove(f"{point}/{self.group}", 10.0)


M = TypeVar("M", bound=Machine)


@contextmanager
def place(make: Callable[[Path], M]) -> Iterator[M]:
    """A machine in a new folder, both gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="swrunc-", dir="/tmp"))
    machine = make(folder)
    try:
        yield machine
    finally:
        machine.close()
        shutil.rmtree(folder)


@pytest.fixture
def machine() -> Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with place(Machine) as machine:
        yield machine

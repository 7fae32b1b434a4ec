"""The originals with our shim beneath them: found by name on their PATH, run by the Python of their own tree."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT, PEERS_HOME
from tests.support.peers import SUITES, OriginalContainerd

SHIM = """#!/bin/sh
'''exec' /usr/bin/python3 -I -S "$0" "$@"
' '''
import sys

sys.path.insert(0, "{source}")
from slipway.launch.shim import main

main()
"""
PROGRAMS = ("sh", "sleep", "echo", "cat", "head", "seq", "tty", "true", "stty")


@pytest.fixture(scope="session")
def shim_folder(short_folder: Path) -> Path:
    """A folder for PATH with our containerd-shim-runc-v2 in it."""
    folder = short_folder / "shim"
    folder.mkdir()
    program = folder / "containerd-shim-runc-v2"
    program.write_text(SHIM.format(source=CHECKOUT / "src"))
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def rootfs(short_folder: Path) -> Path:
    """A root file system with busybox, for `ctr run --rootfs`."""
    folder = short_folder / "rootfs"
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "run"):
        (folder / name).mkdir(parents=True)
    shutil.copy(PEERS_HOME / "trixie/bin/busybox", folder / "bin/busybox")
    for name in PROGRAMS:
        (folder / "bin" / name).symlink_to("busybox")
    return folder


@pytest.fixture(scope="session", params=sorted(SUITES))
def containerd(request, short_folder, shim_folder, rootfs):
    suite = request.param
    folder = short_folder / f"ctd-{suite}"
    original = OriginalContainerd(suite, folder, bind=(CHECKOUT, shim_folder, rootfs), path=str(shim_folder))
    yield original
    original.stop()


RUNTIMES = {"their-runc": ["--runc-binary", "runc"], "our-runc": []}


@pytest.fixture(params=sorted(RUNTIMES))
def runtime(request):
    """Flags of `ctr run`: the original runc by name, or none, which is our shim's own by fork."""
    return RUNTIMES[request.param]


@pytest.fixture
def name():
    """A container's name that no other run uses: cgroups are the machine's."""
    return f"shim-{os.urandom(4).hex()}"

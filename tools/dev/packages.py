"""System packages that are missing are named, then installed by apt. What is there is not touched."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.dev import say

# package -> a file that shows that it is there, whoever installed it (a pattern below /, or a program on PATH)
RUNNING = {"libseccomp2": "usr/lib/*/libseccomp.so.2*"}
BUILDING_IMAGES = {"dpkg": "dpkg-deb"}
TESTING = {
    "debootstrap": "debootstrap",
    "gcc": "gcc",
    "git": "git",
    "iproute2": "ip",
    "libc6-dev": "usr/lib/*/libc.a",
    "libcap2-bin": "capsh",
    "nftables": "nft",
    "procps": "ps",
    "strace": "strace",
    "tini": "tini",
}
GUEST = {"qemu-system-x86": "qemu-system-x86_64", "e2fsprogs": "mke2fs"}


def ensure(*groups: Mapping[str, str]) -> None:
    """Install what is missing of `groups`. Failed with one sentence when that cannot be."""
    missing = [name for group in groups for name, proof in group.items() if not _is_there(proof)]
    if not missing:
        return
    say.step(f"missing system packages: {' '.join(missing)}; installing them")
    if shutil.which("apt-get") is None:
        raise say.Failed(f"there is no apt-get here (hint: install {' '.join(missing)} by hand)")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    done = subprocess.run(install, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise say.Failed(f"apt-get could not install {' '.join(missing)}:\n{done.stdout.decode()[-2000:]}")


def _is_there(proof: str) -> bool:
    return any(Path("/").glob(proof)) if "/" in proof else shutil.which(proof) is not None


def lists_are_there() -> bool:
    """Whether apt knows its archive; `apt-get download` needs it, and a new container image has it emptied."""
    return any(Path("/var/lib/apt/lists").glob("*_Packages*"))

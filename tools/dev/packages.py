"""System packages that are missing are named, then installed by apt. What is there is not touched."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.dev import say
from tools.dev.progress import run

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
MEASURING = {name: TESTING[name] for name in ("debootstrap", "iproute2")}
GUEST = {"qemu-system-x86": "qemu-system-x86_64", "e2fsprogs": "mke2fs", "secilc": "secilc"}


def ensure(*groups: Mapping[str, str]) -> None:
    """Install what is missing of `groups`. Failed with one sentence when that cannot be."""
    missing = [name for group in groups for name, proof in group.items() if not _is_there(proof)]
    if missing:
        install(missing)


def install(names: Sequence[str]) -> None:
    """Name these packages, then install them by apt, as root or through sudo. Failed when that cannot be."""
    wanted = " ".join(names)
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if shutil.which("apt-get") is None:
        raise say.Failed(f"there is no apt-get here to install {wanted} (hint: install it by hand)")
    if as_root and shutil.which("sudo") is None:
        raise say.Failed(f"{wanted} is missing, and there is no sudo to install it with (hint: install it as root)")
    say.step(f"missing system packages: {wanted}; installing them")
    update_lists()
    options = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    done = run("apt-get install", [*as_root, *options, *names])
    if done.returncode:
        raise say.Failed(f"apt-get could not install {wanted}; it says:\n{done.stdout.strip()[-2000:]}")


def update_lists() -> None:
    """`apt-get update`. What fails in it shows in what is installed next."""
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    run("apt-get update", [*as_root, "apt-get", "update", "-qq"])


def _is_there(proof: str) -> bool:
    return any(Path("/").glob(proof)) if "/" in proof else shutil.which(proof) is not None


def lists_are_there() -> bool:
    """Whether apt knows its archive; `apt-get download` needs it, and a new container image has it emptied."""
    return any(Path("/var/lib/apt/lists").glob("*_Packages*"))

"""The machine loses its power after a load and a creation: afterwards all that is told of is whole, and runs."""

import hashlib
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import images
from tests.support.paths import CHECKOUT
from tests.system.power import in_guest
from tests.system.power.machine import Machine
from tools.dev import guest

# It boots the emulated guest twice, which takes minutes: with --all alone.
pytestmark = [pytest.mark.root, pytest.mark.matrix]
COMMAND = "export PYTHONPATH=/src:/src/site-packages SLIPWAY_GUEST=1; python3 -m tests.system.power.in_guest"
FILES, FILE_BYTES = 60, 40_000
MOMENTS = ((0.0, 0.3),)  # seconds after the guest says so, of each round


def make_image(folder: Path, name: str, program: bytes, seed: int) -> None:
    chance = random.Random(seed)
    contents = {f"data/{at}": chance.randbytes(FILE_BYTES) for at in range(FILES)}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  /{path}\n" for path, data in contents.items())
    sums += f"{hashlib.sha256(program).hexdigest()}  /bin/busybox\n"
    links = {f"bin/{each}": "-> busybox" for each in ("sh", "sha256sum", "sleep")}
    folders = dict.fromkeys(("proc/", "dev/", "sys/", "etc/"), "/")
    files = {"bin/busybox": program, **links, **folders, **contents}
    images.make(folder / f"{name}.tar", f"{name}:latest", {**files, "sums": sums.encode()}, {"Cmd": ["sh"]})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    subprocess.run([CHECKOUT / "tools/vm/build"], check=True, stdout=subprocess.DEVNULL)
    stage = tmp_path / "stage"
    guest.fill(stage, guest.PLAIN)
    (stage / "images").mkdir()
    program = images.program_of(images.busybox())
    for at in range(4):
        make_image(stage / "images", f"cut-{at}", program, at)
    return Machine(tmp_path, stage)


def test_what_is_told_of_after_a_power_cut_is_whole(machine: Machine) -> None:
    seed = int.from_bytes(os.urandom(4))
    sys.stdout.write(f"seed {seed}\n")
    chance = random.Random(seed)
    torn = 0
    for number, (least, most) in enumerate(MOMENTS):
        with machine.boot(f"{COMMAND} {number}") as boot:
            boot.wait_said("@@ cut")
            boot.cut(after=chance.uniform(least, most))
            torn += torn_in(boot.said())
    with machine.boot(f"{COMMAND} {len(in_guest.ROUNDS)}") as boot:
        said = boot.wait_end()
    assert "@@ done" in said
    assert torn + torn_in(said), "no cut came before the disk had everything: nothing was tried"


def torn_in(said: str) -> int:
    sys.stdout.write(said)
    found = re.search(r"torn (\d+)", said)
    return int(found[1]) if found else 0

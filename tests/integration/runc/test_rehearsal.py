"""The lives that a template of runc plays: they leave the process, and the machine, as they were."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.runc.conftest import FORKING
from tests.support import cgroup_folders
from tests.support.paths import CHECKOUT

pytestmark = pytest.mark.root

PLAY = (
    FORKING
    + """
from slipway.runc.rehearsal import rehearse

def seen():
    children = open(f"/proc/self/task/{os.getpid()}/children").read()
    mask = os.umask(0o22)
    os.umask(mask)
    names = [os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")]
    return [len(os.listdir("/proc/self/fd")), children, mask, os.getcwd(), os.stat("/proc/self/mem").st_uid, names]

before = seen()
for name in ("first", "second"):
    os.mkdir(f"{sys.argv[2]}/{name}")
    rehearse(f"{sys.argv[2]}/{name}", 3)
print(json.dumps([before, seen()]))
"""
)


def test_a_rehearsal_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-S", "-c", PLAY, str(CHECKOUT / "src"), str(tmp_path)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    before, after = json.loads(done.stdout)
    assert after == before
    assert cgroup_folders.named("rehearsal") == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()

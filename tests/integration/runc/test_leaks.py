"""What many containers leave behind: nothing, one after the other and side by side."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.linux import cgroups
from tests.integration.runc.conftest import FORKING, PRIVATE_MOUNTS, Machine
from tests.support import processes
from tests.support.paths import CHECKOUT

pytestmark = pytest.mark.root

# Forks runc as the shim's template does. Counts its own descriptors, and the mounts and processes that it sees.
MANY = (
    FORKING
    + """
_, _, root, bundles, cycles, at_once = sys.argv

def call(*words):
    pid = os.fork()
    if not pid:
        os._exit(main.main(["--root", root, *words]))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        sys.exit(f"runc {' '.join(words)}: {status}")

def live(bundle):
    name = os.path.basename(bundle)
    call("create", "--bundle", bundle, "--pid-file", f"{bundle}/pid", name)
    call("start", name)
    call("kill", name, "KILL")
    os.waitpid(int(open(f"{bundle}/pid").read()), 0)
    call("delete", name)
    os.unlink(f"{bundle}/pid")

def counts():
    files = os.statvfs(root)
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mounts": open("/proc/self/mountinfo").read().count("\\n"),
        "children": open(f"/proc/self/task/{os.getpid()}/children").read(),
        "inodes": files.f_files - files.f_ffree,
    }

def side_by_side():
    children = []
    for number in range(int(at_once)):
        pid = os.fork()
        if not pid:
            prctl.set_child_subreaper(True)
            live(f"{bundles}/{number}")
            os._exit(0)
        children.append(pid)
    for pid in children:
        if os.waitpid(pid, 0)[1]:
            sys.exit("one of those side by side failed")

live(f"{bundles}/0")
before = counts()
for _ in range(int(cycles)):
    live(f"{bundles}/0")
between = counts()
side_by_side()
print(json.dumps([before, between, counts()]))
"""
)


@pytest.mark.parametrize(("cycles", "at_once"), [(40, 20), pytest.param(1000, 200, marks=pytest.mark.matrix)])
def test_many_containers_leave_nothing(machine: Machine, cycles: int, at_once: int) -> None:
    bundle = machine.bundle("sleep", "1000")
    spec = json.loads((bundle / "config.json").read_text())
    spec["root"]["path"] = str(bundle / "rootfs")
    bundles = machine.folder / "bundles"
    for number in range(at_once):
        (bundles / str(number)).mkdir(parents=True)
        spec["linux"]["cgroupsPath"] = f"/{machine.group}/{number}"
        (bundles / str(number) / "config.json").write_text(json.dumps(spec))
    machine.root.mkdir()
    argv = [sys.executable, "-I", "-S", "-c", MANY, str(CHECKOUT / "src"), str(machine.root), str(bundles)]
    script = 'mount -t tmpfs tmpfs "$0" && exec "$@"'  # whose inodes nobody else uses
    done = subprocess.run(
        [*PRIVATE_MOUNTS, "sh", "-c", script, str(machine.root), *argv, str(cycles), str(at_once)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (0, "")
    before, between, after = json.loads(done.stdout)
    assert before == between == after
    for point in dict.fromkeys(cgroups.discover().points.values()):
        if os.path.isdir(f"{point}/{machine.group}"):
            assert not [entry for entry in os.scandir(f"{point}/{machine.group}") if entry.is_dir()]
            os.rmdir(f"{point}/{machine.group}")
    assert processes.mentioning(str(machine.folder)) == []
    assert Path("/proc/self/mountinfo").read_text().count(str(machine.folder)) == 0

"""Our own process: what it imports, how it behaves when forked, from what file it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.runc.conftest import FORKING, LAUNCH, PRIVATE_MOUNTS, Machine
from tests.support.paths import CHECKOUT

FORBIDDEN = ("asyncio", "threading", "logging", "json", "re", "enum", "dataclasses", "typing", "argparse", "pathlib")
FORBIDDEN += ("subprocess", "socket", "signal", "inspect", "contextlib", "collections", "functools", "importlib.util")
SPY = """import os, sys
exit = os._exit
def spy(status):
    os.write(2, " ".join(sys.modules).encode())
    exit(status)
os._exit = spy
"""


@pytest.mark.parametrize(
    "words",
    [["state", "c1"], ["list"], ["kill", "c1", "0"], ["start", "c1"], ["exec", "c1", "true"], ["delete", "-f", "c1"]],
    ids=lambda words: words[0],
)
def test_commands_import_little(machine: Machine, words: list[str]) -> None:
    machine.ok_detached("create", "--bundle", str(machine.bundle("sleep", "100")), "c1")
    argv = [sys.executable, "-I", "-S", "-c", SPY + LAUNCH, "--root", str(machine.root), *words]
    done = subprocess.run([*PRIVATE_MOUNTS, *argv], capture_output=True, text=True, timeout=60)
    imported = done.stderr.split()
    assert "slipway.runc.main" in imported, done.stderr
    assert not set(FORBIDDEN) & set(imported)
    if words[0] in ("state", "list"):
        assert "ctypes" not in imported


def test_create_imports_little(machine: Machine) -> None:
    with open(machine.folder / "modules", "w+") as output:
        argv = [sys.executable, "-I", "-S", "-c", SPY + LAUNCH, "--root", str(machine.root), "create"]
        bundle = machine.bundle("true")
        done = subprocess.run([*PRIVATE_MOUNTS, *argv, "--bundle", str(bundle), "c1"], stdout=output, stderr=output)
        output.seek(0)
        assert done.returncode == 0
        assert not set(FORBIDDEN) & set(output.read().split())


LOOKING = (
    FORKING
    + """
def look():
    children = os.readlink("/proc/self/ns/pid_for_children")
    return set(sys.modules), sorted(os.listdir("/proc/self/fd")), os.getcwd(), children
before = look()
def call(*words):
    pid = os.fork()
    if not pid:
        loaded = set(sys.modules)
        status = main.main(["--root", sys.argv[2], *words])
        os._exit(status if set(sys.modules) == loaded else 99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
for words in (["create", "--bundle", sys.argv[3], "c1"], ["start", "c1"], ["exec", "c1", "true"], ["kill", "c1", "9"]):
    assert call(*words) == 0, words
os.waitpid(-1, 0)
assert call("delete", "c1") == 0
assert call("state", "c1") == 1
assert before == look(), (before, look())
print("same")
"""
)


def test_a_forked_child_imports_nothing_and_its_parent_stays_as_it_was(machine: Machine) -> None:
    bundle = machine.bundle("sleep", "100")
    argv = [sys.executable, "-I", "-S", "-c", LOOKING, str(CHECKOUT / "src"), str(machine.root), str(bundle)]
    done = subprocess.run(
        [*PRIVATE_MOUNTS, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.endswith("same\n"), done.stderr


def test_an_interpreter_that_can_be_written_is_refused(machine: Machine) -> None:
    program = "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
    program += "from slipway.runc.main import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-I", "-S", "-c", program, str(CHECKOUT / "src"), "--root", str(machine.root)]
    done = subprocess.run([*argv, "run", "--bundle", str(machine.bundle("true")), "c1"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "refusing to enter a container from an interpreter whose file can be written" in done.stderr


def test_preserved_descriptors_arrive_and_others_do_not(machine: Machine) -> None:
    bundle = machine.bundle("sh", "-c", "cat <&3; ls /proc/self/fd")
    (machine.folder / "given").write_text("hello\n")
    script = 'exec 3<"$0" 4</dev/null; exec "$@"'
    argv = machine.runc_argv("run", "--preserve-fds", "1", "--bundle", str(bundle), "c1")
    done = subprocess.run(
        ["sh", "-c", script, str(machine.folder / "given"), *argv], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["hello", "0", "1", "2", "3", "4"]  # 4 is the directory that ls reads


def test_exec_hands_on_the_descriptors_that_it_is_told_to_and_no_others(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    (machine.folder / "given").write_text("hello\n")
    argv = machine.runc_argv("exec", "--preserve-fds", "1", container, "sh", "-c", "cat <&3; ls /proc/self/fd")
    script = 'exec 3<"$0" 4</dev/null; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, str(machine.folder / "given"), *argv], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["hello", "0", "1", "2", "3", "4"]  # 4 is the directory that ls reads
    refused = machine.runc("exec", "--preserve-fds", "900", container, "true")
    assert "unable to stat preserved-fd 0 (of 900)" in refused.stderr


def test_the_waiting_init_is_not_dumpable(machine: Machine) -> None:
    """Its /proc folder belongs to root even where its user is another: dumpable processes' belong to the user."""
    bundle = machine.bundle("true", change=lambda spec: spec["process"].update(user={"uid": 1000, "gid": 1000}))
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    pid = machine.state("c1")["pid"]
    assert "Uid:\t1000" in Path(f"/proc/{pid}/status").read_text()
    assert os.stat(f"/proc/{pid}/exe", follow_symlinks=False).st_uid == 0

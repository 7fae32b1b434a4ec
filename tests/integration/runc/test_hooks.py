"""Hooks: when each of the six kinds runs, where, with what; and what becomes of a container whose hook fails."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine
from tests.support import processes
from tests.support.busybox import busybox_program
from tests.support.waiting import wait_until

EARLY = ("prestart", "createRuntime", "createContainer")
KINDS = (*EARLY, "startContainer", "poststart", "poststop")
Spec = dict[str, Any]


def shell(script: str, **extra: Any) -> dict[str, Any]:
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **extra}


def hooks(**kinds: list[dict[str, Any]]) -> Any:
    return lambda spec: spec.update(hooks=kinds)


def namespaces(pid: int | str) -> dict[str, str]:
    return {kind: str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in ("net", "pid", "uts", "ipc")}


def test_the_state_and_the_namespaces_at_every_point(machine: Machine) -> None:
    """Of the container's namespaces only createContainer and startContainer hooks see anything."""
    look = "cat; echo; for kind in net pid uts ipc; do readlink /proc/self/ns/$kind; done"
    kinds = {kind: [shell(f"({look}) > {machine.folder}/{kind}")] for kind in KINDS}
    kinds["startContainer"] = [shell(look.replace("readlink", "busybox readlink").join("()") + " > /startContainer")]

    def change(spec: Spec) -> None:
        spec |= {"hooks": kinds, "annotations": {"a": "b"}}

    bundle = machine.bundle("sleep", "100", change=change)
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    pid = machine.state("c1")["pid"]
    machine.ok("start", "c1")
    inside, outside = namespaces(pid), namespaces("self")
    machine.ok("delete", "--force", "c1")
    (bundle / "rootfs/startContainer").rename(machine.folder / "startContainer")
    expected = {
        "prestart": ("created", pid, outside),
        "createRuntime": ("creating", pid, outside),
        "createContainer": ("creating", 1, inside),
        "startContainer": ("created", 1, inside),
        "poststart": ("running", pid, outside),
        "poststop": ("stopped", 0, outside),
    }
    for kind, (status, number, where) in expected.items():
        document, *found = (machine.folder / kind).read_text().split("\n")[:5]
        assert json.loads(document) == {
            "ociVersion": "1.2.1",
            "id": "c1",
            "status": status,
            "pid": number,
            "bundle": str(bundle),
            "annotations": {"a": "b"},
        }, kind
        assert dict(zip(where, found, strict=True)) == where, kind


def test_create_container_hooks_see_the_hosts_files_and_the_containers_mounts(machine: Machine) -> None:
    script = f"cat /proc/self/mountinfo > {machine.folder}/mounts; pwd > {machine.folder}/pwd"
    bundle = machine.bundle("true", change=hooks(createContainer=[shell(script)]))
    machine.ok("run", "--bundle", str(bundle), "c1")
    assert f" {bundle}/rootfs/dev/shm " in (machine.folder / "mounts").read_text()
    assert (machine.folder / "pwd").read_text() == f"{bundle}/rootfs\n"


def test_a_hook_without_environment_gets_that_of_its_place(machine: Machine) -> None:
    """The runtime's outside, none of it in the container's namespaces, and the program's for startContainer."""
    env = ["ONE=two", "PATH=/bin"]
    show = {"path": "/bin/sh", "args": ["sh", "-c", "env"]}

    def where(file: str) -> dict[str, Any]:
        return show | {"args": ["sh", "-c", f"env > {file}"]}

    def change(spec: Spec) -> None:
        spec["process"]["env"] = env
        spec["hooks"] = {kind: [where(f"{machine.folder}/{kind}")] for kind in EARLY}
        spec["hooks"]["startContainer"] = [where("/environment")]

    bundle = machine.bundle("true", change=change)
    machine.ok("run", "--bundle", str(bundle), "c1", env={"OURS": "x", "PATH": "/usr/bin:/bin"})
    assert "OURS=x" in (machine.folder / "prestart").read_text()
    assert "OURS=x" in (machine.folder / "createRuntime").read_text()
    assert "OURS" not in (machine.folder / "createContainer").read_text()
    inside = (bundle / "rootfs/environment").read_text().splitlines()
    assert {"ONE=two", "HOME=/"} <= set(inside)
    assert "OURS=x" not in inside


def test_hooks_of_a_kind_run_in_order_with_their_arguments(machine: Machine) -> None:
    record = machine.folder / "record"
    script = f'echo "$0 $@" >> {record}'
    chosen = [{"path": "/bin/sh", "args": ["-sh", "-c", script, name, "x  y"]} for name in ("first", "second")]
    assert machine.run("true", change=hooks(prestart=chosen)).returncode == 0
    assert record.read_text() == "first x  y\nsecond x  y\n"


@pytest.mark.parametrize("kind", EARLY)
def test_a_hook_that_fails_early_undoes_the_container(machine: Machine, kind: str) -> None:
    """And poststop hooks are told, as they may have to undo what other hooks did."""
    after = machine.folder / "after"
    failing = shell("echo said; echo because >&2; exit 3")
    chosen = {kind: [shell("true"), failing, shell(f"touch {machine.folder}/never")]}
    done = machine.run("true", change=hooks(poststop=[shell(f"cat > {after}")], **chosen))
    assert f"error running {kind} hook #1: exit status 3, stdout: said\\n, stderr: because\\n" in done.stderr
    assert json.loads(after.read_text())["status"] == "stopped"
    assert not (machine.folder / "never").exists()
    assert machine.groups() == []
    assert machine.containers() == []


@pytest.mark.parametrize("kind", ["startContainer", "poststart"])
def test_a_hook_that_fails_at_start_stops_the_container(machine: Machine, kind: str) -> None:
    bundle = machine.bundle("sh", "-c", "echo > /ran; sleep 100", change=hooks(**{kind: [shell("exit 3")]}))
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    done = machine.runc("start", "c1")
    assert done.returncode == 1
    assert f"error running {kind} hook #0: exit status 3, stdout: , stderr: " in done.stderr
    assert machine.state("c1")["status"] == "stopped"
    if kind == "startContainer":
        assert not (bundle / "rootfs/ran").exists()
    machine.ok("delete", "c1")
    assert machine.groups() == []


def test_a_poststart_hook_runs_once_the_program_is_executed(machine: Machine) -> None:
    """Its first act is to look what the container's process is; a few times, as there is little time between."""
    pid_file, seen = machine.folder / "pid", machine.folder / "seen"
    look = {"path": str(busybox_program()), "args": ["sh", "-c", f"readlink /proc/$(cat {pid_file})/exe >> {seen}"]}
    for container in ("c1", "c2", "c3"):
        bundle = machine.bundle("sleep", "100", change=hooks(poststart=[look | {"env": ["PATH=/usr/bin:/bin"]}]))
        machine.ok_detached("create", "--bundle", str(bundle), "--pid-file", str(pid_file), container)
        machine.ok("start", container)
    assert seen.read_text().split() == ["/bin/busybox"] * 3


def test_run_removes_what_a_hook_has_stopped(machine: Machine) -> None:
    done = machine.run("sleep", "100", change=hooks(poststart=[{"path": "/bin/false"}]))
    assert done.returncode == 1
    assert "error running poststart hook #0: " in done.stderr
    assert machine.groups() == []
    assert machine.containers() == []


def test_a_poststop_hook_that_fails_is_a_warning(machine: Machine) -> None:
    second = machine.folder / "second"
    chosen = [shell("echo because >&2; exit 3"), shell(f"touch {second}")]
    log = machine.folder / "log"
    container = machine.started("sleep", "100", change=hooks(poststop=chosen))
    machine.ok("--log", str(log), "--log-format", "json", "delete", "--force", container)
    told = json.loads(log.read_text())
    assert told["level"] == "warning"
    assert told["msg"] == "error running poststop hook #0: exit status 3, stdout: , stderr: because\n"
    assert second.exists()
    assert machine.groups() == []


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (shell("exec sleep 100", timeout=1), "hook ran past specified timeout of 1.0s"),
        (shell("kill -9 $$"), "signal: killed, stdout: , stderr: "),
        ({"path": "/nope"}, "fork/exec /nope: no such file or directory"),
        ({"path": "/etc/passwd"}, "fork/exec /etc/passwd: permission denied"),
    ],
    ids=["timeout", "signal", "missing", "no program"],
)
def test_how_a_hook_can_end(machine: Machine, hook: dict[str, Any], words: str) -> None:
    done = machine.run("true", change=hooks(createRuntime=[hook]))
    assert f"error running createRuntime hook #0: {words}" in done.stderr
    assert machine.groups() == []


@pytest.mark.matrix
@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_that_is_done_in_time_has_no_need_of_it(machine: Machine, kind: str) -> None:
    program = "/bin/sh" if kind != "startContainer" else "/bin/busybox"
    hook = {"path": program, "args": ["sh", "-c", "exit 0"], "timeout": 30}
    done = machine.run("echo", "ran", change=hooks(**{kind: [hook]}))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_what_a_hook_has_started_ends_with_its_time(machine: Machine) -> None:
    file = machine.folder / "pid"
    hook = shell(f"sleep 1000 & echo $! >{file}; wait", timeout=1)
    done = machine.run("true", change=hooks(createRuntime=[hook]))
    assert "hook ran past specified timeout of 1.0s" in done.stderr
    started = processes.read(int(file.read_text()))
    wait_until(lambda: started is None or not started.is_alive(), "the end of what the hook has started")


def test_a_relative_path_and_no_time_at_all_are_refused(machine: Machine) -> None:
    done = machine.run("true", change=hooks(prestart=[{"path": "true"}]))
    assert "must be absolute" in done.stderr
    done = machine.run("true", change=hooks(prestart=[{"path": "/bin/true", "timeout": 0}]))
    assert "hooks.prestart[0].timeout must be a whole number from 1" in done.stderr


@pytest.mark.parametrize("kind", ["prestart", "startContainer"])
def test_neither_output_nor_state_holds_anybody_up(machine: Machine, kind: str) -> None:
    """More than a pipe holds, in both directions: a hook that writes a lot, and one that does not read its state."""

    def change(spec: Spec) -> None:
        loud = "head -c 1048576 /dev/zero; head -c 1048576 /dev/zero >&2"
        spec["hooks"] = {kind: [shell(loud), shell("true")]}
        spec["annotations"] = {"long": "x" * (1 << 20)}

    assert machine.run("echo", "done", change=change).stdout == "done\n"


@pytest.mark.parametrize("kind", ["prestart", "createContainer"])
def test_hooks_inherit_no_descriptor(machine: Machine, kind: str) -> None:
    """Neither those that the container shall have, nor any that the caller forgot, nor the runtime's own."""
    bundle = machine.bundle("true", change=hooks(**{kind: [shell(f"ls /proc/self/fd > {machine.folder}/fds")]}))
    argv = machine.runc_argv("run", "--preserve-fds", "1", "--bundle", str(bundle), "c1")
    done = subprocess.run(["sh", "-c", 'exec 3</ 7</; exec "$@"', "sh", *argv], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (machine.folder / "fds").read_text().split() == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_a_hook_that_hangs_keeps_nobody_from_deleting_the_container(machine: Machine) -> None:
    """`start` waits for it, and holds the container meanwhile."""
    hang = {"path": "/bin/sh", "args": ["sh", "-c", "echo >/hangs; exec sleep 1000"], "env": ["PATH=/bin"]}
    bundle = machine.bundle("true", change=hooks(startContainer=[hang]))
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    words = [*PRIVATE_MOUNTS, *machine.runc_argv("start", "c1")]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as starting:
        wait_until((bundle / "rootfs/hangs").exists, "the hook to hang")
        machine.ok("delete", "--force", "c1", timeout=20)
        assert starting.wait(20) == 1
    assert machine.containers() == []
    assert machine.groups() == []


def test_a_poststart_hook_may_use_the_runtime(machine: Machine) -> None:
    """It would wait for the lock of the `start` that waits for it."""
    argv = machine.runc_argv("pause", "c1")
    hook = {"path": argv[0], "args": argv, "env": ["PATH=/usr/bin:/bin"], "timeout": 20}
    bundle = machine.bundle("sleep", "1000", change=hooks(poststart=[hook]))
    machine.ok_detached("create", "--bundle", str(bundle), "c1")
    machine.ok("start", "c1")
    assert machine.state("c1")["status"] == "paused"
    machine.ok("delete", "--force", "c1")


def test_a_hook_may_have_a_year(machine: Machine) -> None:
    """More milliseconds than poll(2) takes."""
    bundle = machine.bundle("true", change=hooks(createRuntime=[shell("true", timeout=365 * 24 * 3600)]))
    assert machine.ok("run", "--bundle", str(bundle), "c1") == ""

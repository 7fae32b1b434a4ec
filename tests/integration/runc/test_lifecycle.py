"""A container's life by our runc, on the real kernel."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slipway.linux import cgroups
from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine
from tests.support import processes
from tests.support.waiting import wait_until


def test_a_container_is_created_started_killed_and_deleted(machine: Machine) -> None:
    bundle = machine.bundle("sleep", "100")
    pid_file = machine.folder / "pid"
    machine.ok_detached("create", "--bundle", str(bundle), "--pid-file", str(pid_file), "c1")
    created = machine.state("c1")
    assert (created["status"], created["pid"]) == ("created", int(pid_file.read_text()))
    assert (created["bundle"], created["rootfs"]) == (str(bundle), f"{bundle}/rootfs")
    machine.ok("start", "c1")
    assert machine.state("c1")["status"] == "running"
    assert machine.ok("ps", "--format", "json", "c1") == f"[{created['pid']}]\n"
    machine.ok("kill", "c1", "KILL")
    wait_until(lambda: machine.state("c1")["status"] == "stopped", "the container to be stopped")
    assert machine.state("c1")["pid"] == 0
    machine.ok("delete", "c1")
    assert machine.runc("state", "c1").stderr.endswith('msg="container does not exist"\n')
    assert machine.groups() == []
    assert list(machine.root.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "status"), [(["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 0), (["true"], 0)]
)
def test_run_gives_the_status_of_the_program(machine: Machine, program: list[str], status: int) -> None:
    """(Signal 9 from inside does not reach PID 1: pid_namespaces(7).)"""
    assert machine.run(*program).returncode == status
    assert machine.groups() == []


def test_run_passes_output_and_signals(machine: Machine) -> None:
    program = ["sh", "-c", "trap 'echo got; exit 5' TERM; echo ready; while true; do sleep 0.05; done"]
    bundle = machine.bundle(*program)
    process = subprocess.Popen(
        machine.runc_argv("run", "--bundle", str(bundle), "c1"), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.communicate(timeout=30)[0] == "got\n"
    assert process.returncode == 5


def test_an_id_is_taken_once_and_a_running_container_is_not_deleted(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    bundle = str(machine.folder / container)
    assert "container with given ID already exists" in machine.runc("create", "--bundle", bundle, container).stderr
    assert (
        f"cannot delete container {container} that is not stopped: running" in machine.runc("delete", container).stderr
    )
    assert "already running" in machine.runc("start", container).stderr
    machine.ok("delete", "--force", container)
    machine.ok("delete", "--force", container)
    assert machine.groups() == []


def test_a_created_container_is_deleted_without_force(machine: Machine) -> None:
    machine.ok_detached("create", "--bundle", str(machine.bundle("true")), "c1")
    machine.ok("delete", "c1")
    assert machine.groups() == []


def test_signals_to_a_stopped_container_are_refused_in_the_words_containerd_looks_for(machine: Machine) -> None:
    container = machine.started("true")
    wait_until(lambda: machine.state(container)["status"] == "stopped", "the container to be stopped")
    assert "container not running" in machine.runc("kill", container, "9").stderr
    machine.ok("kill", "--all", container, "9")
    assert "unknown signal" in machine.runc("kill", container, "NOPE").stderr


@pytest.mark.in_guest
def test_every_process_of_a_container_is_in_all_its_groups(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    machine.ok_detached("exec", "--detach", container, "sleep", "100")
    processes = json.loads(machine.ok("ps", "--format", "json", container))
    assert len(processes) == 2
    for group in machine.groups():
        assert sorted(cgroups.processes(group)) == sorted(processes), group


def test_pause_and_resume(machine: Machine) -> None:
    container = machine.started("sleep", "100")
    machine.ok("pause", container)
    assert machine.state(container)["status"] == "paused"
    assert "paused container" in machine.runc("exec", container, "true").stderr
    machine.ok("resume", container)
    assert machine.state(container)["status"] == "running"
    machine.ok("pause", container)
    machine.ok("kill", container, "KILL")
    wait_until(lambda: machine.state(container)["status"] == "stopped", "a paused container to die")


@pytest.mark.in_guest
def test_limits_are_set_and_updated(machine: Machine) -> None:
    def limit(spec: dict[str, Any]) -> None:
        spec["linux"]["resources"] |= {"memory": {"limit": 64 << 20}, "pids": {"limit": 30}}

    container = machine.started("sleep", "100", change=limit)
    assert {value_of(machine, "pids.max"), value_of(machine, "memory.limit_in_bytes", "memory.max")} == {
        "30",
        str(64 << 20),
    }
    machine.ok("update", "--pids-limit", "20", "--memory", "32m", container)
    assert value_of(machine, "pids.max") == "20"
    assert value_of(machine, "memory.limit_in_bytes", "memory.max") == str(32 << 20)
    machine.ok("update", "--resources", "-", container, stdin=None, input=json.dumps({"pids": {"limit": 25}}))
    assert value_of(machine, "pids.max") == "25"


def value_of(machine: Machine, *names: str) -> str:
    for group in machine.groups():
        for name in names:
            if os.path.exists(f"{group}/{name}"):
                return Path(f"{group}/{name}").read_text().strip()
    raise AssertionError(f"no control file of {names}")


def test_list_shows_containers(machine: Machine) -> None:
    assert machine.runc("list").stderr.endswith(f'msg="open {machine.root}: no such file or directory"\n')
    machine.root.mkdir()
    assert machine.ok("list", "--format", "json") == "null\n"
    container = machine.started("sleep", "100")
    assert machine.ok("list", "-q") == f"{container}\n"
    rows = json.loads(machine.ok("list", "--format", "json"))
    assert [(row["id"], row["status"], row["owner"]) for row in rows] == [(container, "running", "root")]
    assert machine.ok("list").splitlines()[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]


def test_hooks_run_in_their_order_with_the_state_on_their_input(machine: Machine) -> None:
    log = machine.folder / "hooks"

    def hooks(spec: dict[str, Any]) -> None:
        def hook(name: str) -> dict[str, Any]:
            script = f"echo {name} $(cat) >> {log}"
            return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]}

        inside = {"path": "/bin/sh", "args": ["sh", "-c", "cat >/started"]}
        names = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
        spec["hooks"] = {name: [hook(name)] for name in names} | {"startContainer": [inside]}

    bundle = machine.bundle("true", change=hooks)
    machine.ok("run", "--bundle", str(bundle), "c1")
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert [name for name, _ in lines] == ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
    assert [json.loads(state)["status"] for _, state in lines] == [
        "created",
        "creating",
        "creating",
        "running",
        "stopped",
    ]
    assert all(json.loads(state)["id"] == "c1" for _, state in lines)
    assert json.loads((bundle / "rootfs/started").read_text())["status"] == "created"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nope", 'exec: "nope": executable file not found in $PATH'),
        ("/nope", 'exec: "/nope": stat /nope: no such file or directory'),
        ("/etc", 'exec: "/etc": is a directory'),
    ],
)
def test_a_program_that_cannot_be_run_is_an_error_of_create(machine: Machine, program: str, words: str) -> None:
    done = machine.run(program)
    assert done.returncode == 1
    prefix = "unable to start container process: error during container init: "
    assert f"runc run failed: {prefix}{words}" in done.stderr.replace('\\"', '"')
    assert machine.groups() == []


def test_errors_go_to_the_log_as_json_and_to_standard_error_as_text(machine: Machine) -> None:
    log = machine.folder / "log.json"
    done = machine.runc("--log", str(log), "--log-format", "json", "state", "nope")
    assert (done.returncode, done.stderr) == (1, "container does not exist\n")
    record = json.loads(log.read_text())
    assert (record["level"], record["msg"]) == ("error", "container does not exist")


def test_two_creations_of_one_id_make_one_container(machine: Machine) -> None:
    bundle = machine.bundle("sleep", "100")
    with open(machine.folder / "output", "wb") as output:
        racers = [
            subprocess.Popen(
                machine.runc_argv("create", "--bundle", str(bundle), "c1"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            for _ in range(4)
        ]
        statuses = sorted(racer.wait(timeout=60) for racer in racers)
    assert statuses == [0, 1, 1, 1]
    assert machine.state("c1")["status"] == "created"


def test_a_maker_killed_in_the_middle_leaves_what_delete_removes(machine: Machine) -> None:
    def hang(spec: dict[str, Any]) -> None:
        script = f"echo > {machine.folder}/there; exec sleep 1000"
        spec["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}

    bundle = machine.bundle("true", change=hang)
    maker = subprocess.Popen(machine.runc_argv("create", "--bundle", str(bundle), "c1"), stdin=subprocess.DEVNULL)
    wait_until((machine.folder / "there").exists, "the hook to run")
    hooks = [int(pid) for pid in Path(f"/proc/{maker.pid}/task/{maker.pid}/children").read_text().split()]
    maker.kill()
    maker.wait()
    assert machine.state("c1")["status"] == "creating"
    machine.ok("delete", "--force", "c1")
    assert machine.groups() == []
    for pid in hooks:
        if (hook := processes.read(pid)) is not None and "1000" in hook.command:
            os.kill(pid, 9)


def test_a_parent_group_that_nobody_has_filled_is_no_hindrance(machine: Machine) -> None:
    """A cpuset of v1 is born empty: so another runc leaves it for a moment, and for good if it is killed then."""
    for point in dict.fromkeys(cgroups.discover().points.values()):
        cgroups.make(f"{point}/{machine.group}")
    done = machine.run("true")
    assert (done.returncode, done.stderr) == (0, "")


def test_debug_tells_what_is_planned_and_what_is_done(machine: Machine) -> None:
    def limit(spec: dict[str, Any]) -> None:
        spec["linux"]["resources"]["pids"] = {"limit": 77}

    log = machine.folder / "log"
    bundle = machine.bundle("true", change=limit)
    flags = ("--debug", "--log", str(log), "--log-format", "json")
    done = machine.runc(*flags, "run", "--bundle", str(bundle), "c1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert {entry["level"] for entry in entries} == {"debug"}
    told = "\n".join(entry["msg"] for entry in entries)
    for words in (
        "runc run",
        "namespaces: new",
        "MountFileSystem /proc proc",
        "MaskPath",
        "set pids.max to 77",
        "status 0",
    ):
        assert words in told


def test_a_process_can_join_a_paused_container_and_runs_when_it_goes_on(machine: Machine) -> None:
    container = machine.started("sleep", "1000")
    machine.ok("pause", container)
    assert "cannot exec in a paused container" in machine.runc("exec", container, "true").stderr
    frozen = Path(next(path for path in machine.groups() if "freezer" in path or cgroups.is_unified()), "cgroup.procs")
    argv = [*PRIVATE_MOUNTS, *machine.runc_argv("exec", "--ignore-paused", container, "echo", "ran")]
    joining = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: len(frozen.read_text().split()) > 1, "the process to be there")
    finally:
        machine.ok("resume", container)
    assert joining.communicate(timeout=60)[0] == "ran\n"
    assert joining.returncode == 0


@pytest.mark.parametrize("flags", [[], ["--all"]])
def test_a_signal_that_no_kernel_has_is_one_sentence(machine: Machine, flags: list[str]) -> None:
    container = machine.started("sleep", "100")
    done = machine.runc("kill", *flags, container, "99999999999")
    assert done.returncode == 1
    assert "invalid argument" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_state_says_what_standard_streams_were_at_first(machine: Machine) -> None:
    """For a restore: which of a process's pipes lead outside."""
    container = machine.started("sleep", "100")
    state = json.loads((machine.root / container / "state.json").read_text())
    assert state["external_descriptors"] == ["/dev/null", *[str(machine.folder / "output")] * 2]

"""containerd dies and comes back: containers do not notice, and no exit status is lost."""

import os
import signal
import subprocess
from pathlib import Path

from tests.integration.containerd.daemon import OurContainerd
from tests.support import processes
from tests.support.paths import PEERS_HOME
from tests.support.waiting import wait_until


def status_of(daemon: OurContainerd, task: str) -> list[str]:
    """PID and status as `ctr task ls` prints them; nothing for a task that is not there."""
    lines = daemon.ctr("task", "ls").stdout.decode().splitlines()[1:]
    return next((line.split()[1:] for line in lines if line.split()[0] == task), [])


def shim_of(daemon: OurContainerd, task: str) -> int:
    wanted = f"-namespace {daemon.namespace} -id {task} "
    return next(p.pid for p in processes.every() if wanted in p.command and "containerd-shim" in p.command)


def test_a_container_survives_the_daemon_and_is_found_again(fresh: OurContainerd, root_folder: Path) -> None:
    fresh.ctr("run", "--rootfs", "-d", root_folder, "c", "/bin/sleep", "1000")
    before = status_of(fresh, "c")
    assert before[1] == "RUNNING"
    fresh.kill()
    os.kill(int(before[0]), 0)
    fresh.start()
    assert status_of(fresh, "c") == before
    done = fresh.ctr("task", "exec", "--exec-id", "e", "c", "/bin/echo", "still here")
    assert done.stdout == b"still here\n"
    fresh.ctr("task", "kill", "-s", "KILL", "c")
    wait_until(lambda: status_of(fresh, "c")[1] == "STOPPED", "the task to stop")
    fresh.ctr("task", "rm", "c")
    fresh.ctr("container", "rm", "c")


def test_what_ended_while_the_daemon_was_dead_says_how(fresh: OurContainerd, root_folder: Path) -> None:
    program = "while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 42"
    fresh.ctr("run", "--rootfs", "-d", root_folder, "c", "/bin/sh", "-c", program)
    pid = int(status_of(fresh, "c")[0])
    fresh.kill()
    (root_folder / "tmp/go").touch()
    wait_until(lambda: processes.read(pid) is None, "the container to end")
    (root_folder / "tmp/go").unlink()
    fresh.start()
    assert status_of(fresh, "c")[1] == "STOPPED"
    removed = fresh.ctr("task", "rm", "c", check=False)
    assert b"exit code 42" in removed.stderr
    fresh.ctr("container", "rm", "c")


def test_a_shim_that_is_killed_is_cleaned_up_after(fresh: OurContainerd, root_folder: Path) -> None:
    fresh.ctr("run", "--rootfs", "-d", root_folder, "c", "/bin/sleep", "1000")
    pid = int(status_of(fresh, "c")[0])
    os.kill(shim_of(fresh, "c"), signal.SIGKILL)
    wait_until(lambda: not status_of(fresh, "c"), "the task to go")
    wait_until(lambda: processes.read(pid) is None, "the container to be killed")
    bundles = fresh.folder / "state/io.containerd.runtime.v2.task" / fresh.namespace
    # A dead shim answers no more, so its task is not listed while what it left is still being removed.
    wait_until(lambda: not list(bundles.iterdir()), "the bundle to be removed")
    done = fresh.ctr("task", "start", "-d", "c")
    assert done.returncode == 0
    fresh.ctr("task", "kill", "-s", "KILL", "c")
    wait_until(lambda: status_of(fresh, "c")[1] == "STOPPED", "the task to stop")
    fresh.ctr("task", "rm", "c")
    fresh.ctr("container", "rm", "c")


def test_a_shim_that_died_with_the_daemon_is_cleaned_up_after_at_the_start(
    fresh: OurContainerd, root_folder: Path
) -> None:
    fresh.ctr("run", "--rootfs", "-d", root_folder, "c", "/bin/sleep", "1000")
    pid = int(status_of(fresh, "c")[0])
    shim = shim_of(fresh, "c")
    fresh.kill()
    os.kill(shim, signal.SIGKILL)
    fresh.start()
    assert not status_of(fresh, "c")
    wait_until(lambda: processes.read(pid) is None, "the container to be killed")
    assert fresh.ctr("container", "ls", "-q").stdout == b"c\n"
    fresh.ctr("container", "rm", "c")


def test_without_the_template_shims_start_by_exec(fresh: OurContainerd, root_folder: Path) -> None:
    fresh.stop()
    (fresh.folder / "config.toml").write_text("version = 3\nshim_template = false\n")
    fresh.flags = ("--config", f"{fresh.folder}/config.toml", "--address", fresh.address)
    fresh.start()
    done = fresh.ctr("run", "--rootfs", "--rm", root_folder, "c", "/bin/sh", "-c", "echo hi; exit 3", check=False)
    assert (done.stdout, done.returncode) == (b"hi\n", 3)


def test_a_creation_that_fails_when_its_caller_has_gone_is_no_bug_to_tell_of(
    fresh: OurContainerd, root_folder: Path
) -> None:
    """It was logged with a traceback: an error that nobody took."""
    runtime, asked, go = (fresh.folder / name for name in ("runtime", "asked", "go"))
    runtime.write_text(
        f"#!/bin/sh\ntouch {asked}; while [ ! -e {go} ]; do sleep 0.05; done; echo refused >&2; exit 1\n"
    )
    runtime.chmod(0o755)
    program = PEERS_HOME / "sid/usr/bin/ctr"
    where = ("--address", fresh.address, "--namespace", fresh.namespace)
    words = ("run", "--rootfs", "--runc-binary", runtime, "-d", root_folder, "c", "/bin/true")
    caller = fresh.sandbox.popen([program, *where, *words], stderr=subprocess.DEVNULL)
    wait_until(asked.exists, "the runtime to be asked", 30)
    caller.kill()
    caller.wait()
    go.touch()
    wait_until(lambda: not processes.mentioning(f"-namespace {fresh.namespace} -id c "), "the shim to go")
    fresh.ctr("container", "rm", "c", check=False)
    fresh.stop()
    assert "Traceback" not in fresh.log_path.read_text()

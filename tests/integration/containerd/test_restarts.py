"""The restart monitor: whose labels ask for it runs again; with real shims, and a daemon that dies between."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import processes
from tests.support.waiting import wait_until

INTERVAL = "100ms"
RUNNING = "containerd.io/restart.status=running"
CONFIGURATION = f"""version = 3
[plugins."io.containerd.monitor.container.v1.restart"]
  interval = "{INTERVAL}"
"""


@pytest.fixture
def daemon(fresh: OurContainerd) -> OurContainerd:
    """It looks ten times a second, instead of every ten seconds."""
    fresh.stop()
    (fresh.folder / "config.toml").write_text(CONFIGURATION)
    fresh.flags = ("--config", f"{fresh.folder}/config.toml", "--address", fresh.address)
    return fresh.start()


def create(daemon: OurContainerd, root: Path, *labels: str, program: str = "exec sleep 1000") -> None:
    flags = [word for label in labels for word in ("--label", label)]
    daemon.ctr("container", "create", "--rootfs", *flags, root, "c", "/bin/sh", "-c", program)


def task(daemon: OurContainerd) -> list[str]:
    """PID and status; nothing where there is no task."""
    lines = daemon.ctr("task", "ls").stdout.decode().splitlines()[1:]
    return next((line.split()[1:] for line in lines if line.split()[0] == "c"), [])


def running(daemon: OurContainerd, *, but: int = 0) -> int:
    """The PID of the task, once it runs as another process than `but`."""

    def look() -> int:
        found = task(daemon)
        return int(found[0]) if found[1:] == ["RUNNING"] and int(found[0]) != but else 0

    return wait_until(look, "the task to run")


def count(daemon: OurContainerd, name: str = "c") -> int:
    labels = json.loads(daemon.ctr("container", "info", name).stdout)["Labels"]
    return int(labels.get("containerd.io/restart.count", "0"))


def look_twice(daemon: OurContainerd, root: Path) -> None:
    """Return when the monitor has begun two looks since: whatever it does of itself for `c`, it has done."""
    failing = ("--label", RUNNING, "--label", "containerd.io/restart.policy=on-failure:2")
    daemon.ctr("container", "create", "--rootfs", *failing, root, "marker", "/bin/sh", "-c", "exit 1")
    daemon.ctr("task", "start", "-d", "marker")
    wait_until(lambda: count(daemon, "marker") == 2, "two looks of the monitor")


def test_one_without_a_task_is_started_and_a_killed_one_again(daemon: OurContainerd, root_folder: Path) -> None:
    create(daemon, root_folder, RUNNING)
    first = running(daemon)
    assert count(daemon) == 1
    os.kill(first, signal.SIGKILL)
    second = running(daemon, but=first)
    assert count(daemon) == 2
    daemon.kill()
    os.kill(second, signal.SIGKILL)
    daemon.start()
    third = running(daemon, but=second)
    assert count(daemon) == 3
    daemon.ctr("task", "pause", "c")
    look_twice(daemon, root_folder)
    assert task(daemon) == [str(third), "PAUSED"]
    daemon.ctr("task", "resume", "c")
    daemon.ctr("container", "label", "c", "containerd.io/restart.status=stopped")
    wait_until(lambda: not task(daemon), "the task to be ended")
    assert processes.read(third) is None
    assert count(daemon) == 3


@pytest.mark.matrix
def test_a_shim_that_died_with_the_daemon_is_no_obstacle(daemon: OurContainerd, root_folder: Path) -> None:
    create(daemon, root_folder, RUNNING)
    first = running(daemon)
    daemon.kill()
    processes.end(p for p in processes.mentioning(f"-namespace {daemon.namespace} ") if "shim" in p.command)
    daemon.start()
    assert running(daemon, but=first)


@pytest.mark.parametrize(
    ("policy", "program", "counted", "status"),
    [
        ("on-failure:2", "exit 3", 2, "STOPPED"),
        pytest.param("on-failure:2", "exit 0", 0, "STOPPED", marks=pytest.mark.matrix),
        pytest.param("no", "exit 3", 0, "STOPPED", marks=pytest.mark.matrix),
        pytest.param("sometimes", "exit 3", 0, "STOPPED", marks=pytest.mark.matrix),
    ],
)
def test_policies_that_end(
    daemon: OurContainerd, root_folder: Path, policy: str, program: str, counted: int, status: str
) -> None:
    create(daemon, root_folder, RUNNING, f"containerd.io/restart.policy={policy}", program=program)
    daemon.ctr("task", "start", "-d", "c")
    wait_until(lambda: count(daemon) == counted, "the count")
    look_twice(daemon, root_folder)
    assert count(daemon) == counted
    assert task(daemon)[1] == status


@pytest.mark.matrix
def test_one_that_was_stopped_by_hand_stays_so(daemon: OurContainerd, root_folder: Path) -> None:
    create(daemon, root_folder, RUNNING, "containerd.io/restart.policy=unless-stopped")
    first = running(daemon)
    os.kill(first, signal.SIGKILL)
    second = running(daemon, but=first)
    daemon.ctr("container", "label", "c", "containerd.io/restart.explicitly-stopped=true")
    daemon.ctr("task", "kill", "-s", "KILL", "c")
    wait_until(lambda: task(daemon)[1:] == ["STOPPED"], "the task to stop")
    look_twice(daemon, root_folder)
    assert task(daemon) == [str(second), "STOPPED"]


def test_output_goes_where_the_label_says(daemon: OurContainerd, root_folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "deep/log"
    create(
        daemon, root_folder, RUNNING, f"containerd.io/restart.loguri=file://{log}",
        program="echo out; echo err >&2; exec sleep 1000",
    )  # fmt: skip
    first = running(daemon)
    wait_until(lambda: log.exists() and log.read_text() == "out\nerr\n", "the output")
    os.kill(first, signal.SIGKILL)
    running(daemon, but=first)
    wait_until(lambda: log.read_text() == "out\nerr\n" * 2, "the output of the second")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        pytest.param("http://example.com/log", "is none of binary://, file://, fifo://", marks=pytest.mark.matrix),
        pytest.param("binary://sh", "has no absolute path", marks=pytest.mark.matrix),
        ("binary:///no/such/program", "/no/such/program is no program"),
        pytest.param("file:///var/../etc/passwd", "has no absolute path", marks=pytest.mark.matrix),
    ],
)
def test_a_log_that_cannot_be_is_one_clear_sentence_and_starts_nothing(
    daemon: OurContainerd, root_folder: Path, uri: str, words: str
) -> None:
    create(daemon, root_folder, RUNNING, f"containerd.io/restart.loguri={uri}")
    wait_until(lambda: words in daemon.log_path.read_text(), "the sentence in the log")
    assert not task(daemon)
    assert count(daemon) == 0
    assert "Traceback" not in daemon.log_path.read_text()


def test_a_logger_runs_with_the_arguments_of_its_label(
    daemon: OurContainerd, root_folder: Path, tmp_path: Path
) -> None:
    logger, said = tmp_path / "logger", tmp_path / "said"
    logger.write_text(f'#!/bin/sh\necho "$@ $CONTAINER_ID" >>{said}; exec 5>&-; cat <&3 >>{said}\n')
    logger.chmod(0o755)
    create(
        daemon, root_folder, RUNNING, f"containerd.io/restart.loguri=binary://{logger}?tag=x",
        program="echo out; exec sleep 1000",
    )  # fmt: skip
    running(daemon)
    wait_until(lambda: said.exists() and said.read_text() == "tag x c\nout\n", "the logger's words")

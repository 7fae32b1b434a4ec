"""The daemons may die and come back at any time: containers run on, nothing of them is lost. Ours alone."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import docker, processes
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until
from tests.system import ask

COUNTER = "i=0; while [ $i -lt {last} ]; do i=$((i+1)); echo line $i; done; touch /done; sleep 60"


@pytest.fixture
def client(fresh_engine: OurEngine, busybox_archive: Path) -> docker.Docker:
    """Docker's client on an engine that this test may kill, with busybox loaded."""
    client = docker.theirs(fresh_engine.host)
    client("load", "-i", str(busybox_archive))
    return client


def test_a_server_serves_on_and_is_known_again(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "web", "-p", "18100:80", "busybox", "httpd", "-f", "-p", "80", "-h", "/etc")
    address = client("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "web")
    pid = client("inspect", "-f", "{{.State.Pid}}", "web")
    fresh_engine.kill_both()
    assert "root:" in ask.http(fresh_engine.enter, f"http://{address}/passwd")
    fresh_engine.start()
    assert client("ps", "--format", "{{.Names}} {{.State}}") == "web running"
    assert client("inspect", "-f", "{{.State.Pid}}", "web") == pid
    assert "root:" in ask.http(fresh_engine.enter, "http://127.0.0.1:18100/passwd")
    assert client("exec", "web", "echo", "still here") == "still here"
    client("stop", "-t", "1", "web")
    assert client("inspect", "-f", "{{.State.Status}}", "web") == "exited"


@pytest.mark.by_path
def test_a_status_is_kept_while_nobody_is_there_to_ask(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "ends", "busybox", "sh", "-c", "trap 'exit 42' TERM; while :; do sleep 0.1; done")
    init = int(client("inspect", "-f", "{{.State.Pid}}", "ends"))
    fresh_engine.kill_both()
    os.kill(init, signal.SIGTERM)
    process = processes.read(init)
    wait_until(lambda: process is None or not process.is_alive(), "the program to end")
    fresh_engine.start()
    assert client("wait", "ends") == "42"
    assert client("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "ends") == "exited 42"


@pytest.mark.by_path
def test_no_line_is_lost_and_no_writer_stalls(fresh_engine: OurEngine, client: docker.Docker) -> None:
    """100,000 lines are 1.1 MB, many times a pipe: the writer comes to its end while both daemons are dead."""
    script = "while ! test -e /go; do sleep 0.05; done; " + COUNTER.format(last=100_000)
    client("run", "-d", "--name", "chatty", "busybox", "sh", "-c", script)
    init = client("inspect", "-f", "{{.State.Pid}}", "chatty")
    fresh_engine.kill_both()
    Path(f"/proc/{init}/root/go").touch()
    wait_until(Path(f"/proc/{init}/root/done").exists, "the writer's end", 60)
    fresh_engine.start()
    lines = [f"line {number}" for number in range(1, 100_001)]
    wait_until(lambda: client("logs", "-n", "1", "chatty") == lines[-1], "the last line to arrive", 30)
    assert client("logs", "chatty").splitlines() == lines


def test_lines_flow_on_while_daemons_die_in_the_middle(fresh_engine: OurEngine, client: docker.Docker) -> None:
    script = "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo line $i; sleep 0.005; done"
    client("run", "-d", "--name", "ticks", "busybox", "sh", "-c", script)
    for _ in range(2):
        fresh_engine.kill_both()
        fresh_engine.start()
    assert client("wait", "ticks") == "0"
    assert client("logs", "ticks").splitlines() == [f"line {number}" for number in range(1, 601)]


@pytest.mark.matrix
def test_a_million_lines_while_daemons_die(fresh_engine: OurEngine, client: docker.Docker) -> None:
    """Each is there once, in the order of its stream; the writers come to their end while both daemons are dead."""
    count = 500_000
    loop = "i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo {word} $i; done"
    out, err = loop.format(count=count, word="out"), loop.format(count=count, word="err")
    script = f"({out}) & (exec >&2; {err}); wait"
    client("run", "-d", "--name", "chatty", "busybox", "sh", "-c", script)
    init_pid = int(client("inspect", "-f", "{{.State.Pid}}", "chatty"))
    log = Path(client("inspect", "-f", "{{.LogPath}}", "chatty"))
    for kill in (fresh_engine.kill, fresh_engine.kill_both, fresh_engine.kill, fresh_engine.kill_both):
        size = log.stat().st_size
        wait_until(lambda size=size: log.stat().st_size > size, "lines to flow")  # type: ignore[misc]
        assert processes.read(init_pid) is not None, "the writers are too fast for this test"
        kill()
        fresh_engine.start()
    fresh_engine.kill_both()
    init = processes.read(init_pid)
    wait_until(lambda: init is None or not init.is_alive(), "the writers' end", 120)
    fresh_engine.start()
    assert client("wait", "chatty", timeout=180) == "0"
    logs = client.run("logs", "chatty", timeout=120).ok()
    assert logs.out == "".join(f"out {number}\n" for number in range(1, count + 1))
    assert logs.err == "".join(f"err {number}\n" for number in range(1, count + 1))


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.matrix)])
def test_a_program_that_ends_before_its_lines_are_logged(client: docker.Docker, count: int) -> None:
    """The shim has much of it then, and gives all to the log before the container counts as ended."""
    client("run", "-d", "--name", "hasty", "busybox", "seq", str(count))
    assert client("wait", "hasty", timeout=120) == "0"
    logs = client.run("logs", "-t", "hasty", timeout=120).ok().out.splitlines()
    assert [line.partition(" ")[2] for line in logs] == [str(number) for number in range(1, count + 1)]


def test_following_logs_resumes_after_a_restart(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "ticks", "busybox", "sh", "-c", "while :; do date; sleep 0.1; done")
    fresh_engine.kill()
    fresh_engine.start()
    follower = client.popen("logs", "-f", "-n", "0", "ticks")
    assert follower.stdout is not None
    assert follower.stdout.readline()
    follower.kill()
    follower.communicate()


@pytest.mark.parametrize("whose", [docker.ours, docker.theirs])
def test_who_follows_again_from_the_last_line_misses_nothing(
    fresh_engine: OurEngine, client: docker.Docker, whose: Callable[[str], docker.Docker]
) -> None:
    script = "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo line $i; usleep 5000; done"
    client("run", "-d", "--name", "ticks", "busybox", "sh", "-c", script)
    follower = whose(fresh_engine.host).popen("logs", "-f", "-t", "ticks")
    assert follower.stdout is not None
    first = [follower.stdout.readline() for _ in range(50)]
    fresh_engine.kill_both()
    assert follower.wait(10) == 1
    first += follower.stdout.readlines()  # not by communicate(): that leaves out what readline() has read ahead
    follower.communicate()
    last = first[-1].split()[0]
    fresh_engine.start()
    rest = whose(fresh_engine.host).run("logs", "-f", "-t", "--since", last.decode(), "ticks").ok()
    lines = [line.decode() for line in first if line.split()[0] < last] + rest.out.splitlines(keepends=True)
    assert [line.partition(" ")[2] for line in lines] == [f"line {number}\n" for number in range(1, 601)]


def test_dockerd_finds_its_own_containerd_again(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "box", "busybox", "sleep", "60")
    before = fresh_engine.containerd_pid
    fresh_engine.kill()
    fresh_engine.start()
    assert fresh_engine.containerd_pid == before
    assert client("exec", "box", "echo", "ok") == "ok"


def test_a_dead_containerd_comes_back_by_itself(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "box", "busybox", "sleep", "60")
    before = processes.read(fresh_engine.containerd_pid)
    assert before is not None
    processes.end([before])
    wait_until(lambda: client.run("exec", "box", "echo", "ok").out == "ok\n", "containerd to be back", 30)
    assert client("run", "--rm", "busybox", "echo", "new") == "new"


def test_dockerd_adopts_no_containerd_that_it_did_not_start(fresh_engine: OurEngine, client: docker.Docker) -> None:
    """A pid file that names a living process which is not ours: dockerd starts its own and leaves that one alone."""
    fresh_engine.stop()
    stranger = fresh_engine.sandbox.popen(["sleep", "60"])
    try:
        for pid_file in fresh_engine.folder.glob("run/**/containerd.pid"):
            pid_file.write_text(str(stranger.pid))
        fresh_engine.start()
        assert client("run", "--rm", "busybox", "echo", "ok") == "ok"
        assert stranger.poll() is None
        assert fresh_engine.containerd_pid != stranger.pid
    finally:
        stranger.kill()
        stranger.wait()


def test_stopping_in_order_leaves_containers_running(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "box", "busybox", "sleep", "60")
    pid = client("inspect", "-f", "{{.State.Pid}}", "box")
    fresh_engine.stop()

    def one_shim_is_left() -> bool:
        left = processes.mentioning(str(fresh_engine.folder))
        assert {p.command.partition(" ")[0] for p in left} == {"containerd-shim-runc-v2"}
        return len(left) == 1  # two in the container's first second: the one that made it goes then

    wait_until(one_shim_is_left, "the shim to be alone")
    fresh_engine.start()
    assert client("inspect", "-f", "{{.State.Status}} {{.State.Pid}}", "box") == f"running {pid}"
    assert client("info", "-f", "{{.LiveRestoreEnabled}}") == "true"


def test_without_live_restore_stopping_stops_containers_too(fresh_engine: OurEngine, client: docker.Docker) -> None:
    """As the original's default: each with its own signal, and what a restart policy wants is back with the daemon."""
    fresh_engine.stop()
    fresh_engine.flags = ("--live-restore=false",)
    fresh_engine.start()
    script = "trap 'exit 3' TERM; while :; do sleep 0.1; done"
    client("run", "-d", "--name", "box", "busybox", "sh", "-c", script)
    client("run", "-d", "--name", "again", "--restart", "unless-stopped", "busybox", "sh", "-c", script)
    client("run", "-d", "--rm", "--name", "gone", "busybox", "sh", "-c", script)
    fresh_engine.stop()
    assert not processes.mentioning(str(fresh_engine.folder))
    fresh_engine.start()
    listed = client("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines()
    assert sorted(listed) == ["again running", "box exited"]
    assert client("inspect", "-f", "{{.State.ExitCode}}", "box") == "3"
    client("start", "box")
    assert client("inspect", "-f", "{{.State.Status}}", "box") == "running"

"""What happens to containers while both daemons are dead is known, and followed up, once they are back. Ours alone."""

import os
import signal
from pathlib import Path

import pytest

from tests.support import docker, processes
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until
from tests.system import ask

UNTIL_GO = "until test -e /go; do sleep 0.02; done; "


@pytest.fixture
def client(fresh_engine: OurEngine, busybox_archive: Path) -> docker.Docker:
    client = docker.theirs(fresh_engine.host)
    client("load", "-i", str(busybox_archive))
    return client


def init_of(client: docker.Docker, name: str) -> processes.Process:
    init = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", name)))
    assert init is not None
    return init


def let_go(init: processes.Process) -> None:
    """What `UNTIL_GO` waits for; returns when the program has ended."""
    Path(f"/proc/{init.pid}/root/go").touch()
    wait_until(lambda: not init.is_alive(), "the program to end", 30)


def test_a_program_that_used_too_much_memory_meanwhile(fresh_engine: OurEngine, client: docker.Docker) -> None:
    script = UNTIL_GO + "exec tail /dev/zero"
    client("run", "-d", "--name", "greedy", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c", script)
    init = init_of(client, "greedy")
    fresh_engine.kill_both()
    let_go(init)
    fresh_engine.start()
    told = client("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}", "greedy")
    assert told == "exited 137 true"


def test_a_child_that_used_too_much_memory_meanwhile(fresh_engine: OurEngine, client: docker.Docker) -> None:
    script = UNTIL_GO + "tail /dev/zero; touch /done; exec sleep 600"
    client("run", "-d", "--name", "greedy", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c", script)
    init = init_of(client, "greedy")
    fresh_engine.kill_both()
    Path(f"/proc/{init.pid}/root/go").touch()
    wait_until(Path(f"/proc/{init.pid}/root/done").exists, "the child to be killed", 30)
    fresh_engine.start()
    assert client("inspect", "-f", "{{.State.Status}} {{.State.OOMKilled}}", "greedy") == "running true"
    client("kill", "greedy")
    assert client("inspect", "-f", "{{.State.Status}} {{.State.OOMKilled}}", "greedy") == "exited true"


def test_out_of_memory_is_remembered(fresh_engine: OurEngine, client: docker.Docker) -> None:
    """It was told before the daemons died, and the container has nothing more to tell afterwards."""
    client.run("run", "--name", "greedy", "-m", "16m", "--memory-swap", "16m", "busybox", "tail", "/dev/zero")
    assert client("inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", "greedy") == "137 true"
    fresh_engine.kill_both()
    fresh_engine.start()
    assert client("inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", "greedy") == "137 true"


@pytest.mark.parametrize(
    ("policy", "status", "again"),
    [
        ("always", 0, True),
        ("unless-stopped", 0, True),
        ("on-failure", 7, True),
        ("on-failure", 0, False),
        ("no", 7, False),
    ],
)
def test_a_restart_policy_counts_for_an_end_that_nobody_saw(
    fresh_engine: OurEngine, client: docker.Docker, policy: str, status: int, again: bool
) -> None:
    script = f"{UNTIL_GO} rm /go; echo ran; exit {status}"
    client("run", "-d", "--name", "box", "--restart", policy, "busybox", "sh", "-c", script)
    init = init_of(client, "box")
    fresh_engine.kill_both()
    let_go(init)
    fresh_engine.start()
    expected = "running 0" if again else f"exited {status}"
    seen = "{{.State.Status}} {{.State.ExitCode}}"
    wait_until(lambda: client("inspect", "-f", seen, "box") == expected, f"the container to be {expected}")
    assert client("logs", "box") == "ran"
    if again:
        assert init_of(client, "box").pid != init.pid


def test_what_was_stopped_by_hand_stays_so(fresh_engine: OurEngine, client: docker.Docker) -> None:
    """But for `always`, which means: with the daemon, too."""
    for policy in ("always", "unless-stopped"):
        client("run", "-d", "--name", policy, "--restart", policy, "busybox", "sleep", "600")
        client("stop", "-t", "0", policy)
    fresh_engine.kill_both()
    fresh_engine.start()
    assert client("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines() == [
        "unless-stopped exited",
        "always running",
    ]


def test_a_container_that_is_to_be_removed_is(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--rm", "--name", "short", "-v", "/anonymous", "busybox", "sh", "-c", UNTIL_GO)
    init = init_of(client, "short")
    fresh_engine.kill_both()
    let_go(init)
    fresh_engine.start()
    wait_until(lambda: not client("ps", "-aq"), "the container to be gone")
    assert client("volume", "ls", "-q") == ""
    assert not list((fresh_engine.folder / "data/containers").iterdir())


def test_a_published_port_works_on(fresh_engine: OurEngine, client: docker.Docker) -> None:
    server = ("busybox", "httpd", "-f", "-p", "80", "-h", "/etc")
    client("run", "-d", "--name", "web", "-p", "18100:80", *server)
    client("run", "-d", "--name", "local", "-p", "127.0.0.1:18101:80", *server)

    def answers(port: int, address: str = "127.0.0.1") -> bool:
        return "root:" in ask.http(fresh_engine.enter, f"http://{address}:{port}/passwd")

    gateway = client("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge")
    fresh_engine.kill_both()
    assert answers(18100)
    assert answers(18100, gateway)
    assert answers(18101)
    fresh_engine.start()
    assert answers(18100)
    assert answers(18100, gateway)
    assert answers(18101)
    assert client("port", "web").startswith("80/tcp -> 0.0.0.0:18100")
    refused = client.run("run", "--rm", "-p", "18100:80", "busybox", "true")
    assert refused.status == 125
    assert "port is already allocated" in refused.err
    client("stop", "-t", "0", "web")
    assert not answers(18100)
    client("start", "web")
    assert answers(18100)


def test_a_port_of_a_container_that_ended_meanwhile_is_free(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "short", "-p", "18100:80", "busybox", "sh", "-c", UNTIL_GO)
    init = init_of(client, "short")
    fresh_engine.kill_both()
    let_go(init)
    fresh_engine.start()
    client("run", "-d", "-p", "18100:80", "busybox", "httpd", "-f", "-p", "80", "-h", "/etc")
    assert "root:" in ask.http(fresh_engine.enter, "http://127.0.0.1:18100/passwd")


def test_a_terminal_s_output_is_kept(fresh_engine: OurEngine, client: docker.Docker) -> None:
    script = UNTIL_GO + "seq 1 100000; touch /done; exec sleep 600"
    client("run", "-dt", "--name", "box", "busybox", "sh", "-c", script)
    init = init_of(client, "box")
    fresh_engine.kill_both()
    Path(f"/proc/{init.pid}/root/go").touch()
    wait_until(Path(f"/proc/{init.pid}/root/done").exists, "the writer's end", 60)
    fresh_engine.start()
    wait_until(lambda: client("logs", "-n", "1", "box").strip() == "100000", "the last line to arrive", 30)
    shown = client.run("logs", "box").ok().out
    assert shown == "".join(f"{number}\r\n" for number in range(1, 100_001))


def test_a_paused_container_is_paused_still(fresh_engine: OurEngine, client: docker.Docker) -> None:
    client("run", "-d", "--name", "box", "busybox", "sleep", "600")
    client("pause", "box")
    fresh_engine.kill_both()
    fresh_engine.start()
    assert client("ps", "--format", "{{.State}}") == "paused"
    client("unpause", "box")
    assert client("exec", "box", "echo", "ok") == "ok"


def test_a_signal_that_came_meanwhile(fresh_engine: OurEngine, client: docker.Docker) -> None:
    """A program that a signal ends while nobody is there is told as 128 and the signal's number."""
    client("run", "-d", "--name", "box", "busybox", "sleep", "600")
    init = init_of(client, "box")
    fresh_engine.kill_both()
    os.kill(init.pid, signal.SIGKILL)
    wait_until(lambda: not init.is_alive(), "the program to end")
    fresh_engine.start()
    assert client("wait", "box") == "137"
    assert client("inspect", "-f", "{{.State.OOMKilled}}", "box") == "false"

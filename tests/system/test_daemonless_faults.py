"""A daemon dies in the middle of each step: what is told is true afterwards, and nothing is left without an owner."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, processes
from tests.support.engine import OurEngine
from tests.support.paths import LAUNCHERS
from tests.support.waiting import SLOWNESS, wait_until
from tests.system.gate import Gate

MOST_DELAY = 0.1 * SLOWNESS

# Both at once in the sample: what one of them alone would lose, both together do.
VICTIMS = (
    pytest.param("dockerd", marks=pytest.mark.matrix),
    pytest.param("containerd", marks=pytest.mark.matrix),
    "both",
)


@pytest.fixture(scope="module")
def gate(short_folder: Path) -> Gate:
    return Gate(short_folder / "gate", LAUNCHERS / "runc").make()


@pytest.fixture(scope="module")
def engine(machine_unchanged: None, short_folder: Path, gate: Gate, busybox_archive: Path) -> Iterator[OurEngine]:
    """One for the whole module; each test kills its daemons and leaves them running."""
    engine = OurEngine(Path(tempfile.mkdtemp(prefix="flt", dir=short_folder)), gate.flag)
    try:
        engine.start()
        docker.theirs(engine.host)("load", "-i", str(busybox_archive))
        yield engine
    finally:
        engine.close()


@pytest.fixture
def client(engine: OurEngine) -> Iterator[docker.Docker]:
    client = docker.theirs(engine.host)
    yield client
    client.remove_all_containers()
    wait_until(lambda: not leftovers(engine), "everything to have gone", 15)


def begin(client: docker.Docker, *arguments: str) -> "subprocess.Popen[bytes]":
    """A client that may fail: only its status counts."""
    return client.popen(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill(engine: OurEngine, victims: str) -> None:
    """SIGKILL; afterwards all serve again."""
    containerd = processes.read(engine.containerd_pid)
    assert containerd is not None
    if victims != "containerd":
        engine.kill()
    if victims != "dockerd":
        processes.end([containerd])


def bring_back(engine: OurEngine, victims: str) -> None:
    if victims != "containerd":
        engine.start()
    client = docker.theirs(engine.host)
    wait_until(lambda: client.run("run", "--rm", "busybox", "true").status == 0, "the engine to work again", 20)


def leftovers(engine: OurEngine) -> list[str]:
    """What there is of containers, once none is known: processes, mounts, folders, fifos, snapshots, cgroups."""
    folder = str(engine.folder)
    found = [p.command for p in processes.mentioning(folder) if "containerd-shim-runc-v2" in p.command]
    mounts = Path(f"/proc/{engine.containerd_pid}/mountinfo").read_text().splitlines()
    found += [line.split()[4] for line in mounts if "/rootfs" in line and folder in line]
    found += [
        str(path)
        for pattern in ("run/containers/*", "run/**/moby/[0-9a-f]*", "data/containers/*")
        for path in engine.folder.glob(pattern)
    ]
    found += [str(path) for path in (engine.folder / "run/containerd").glob("s/*")]
    snapshots = list((engine.folder / "data/containerd").glob("io.containerd.snapshotter.v1.*/snapshots/*"))
    if len(snapshots) > 1:  # the image's own layer
        found += map(str, snapshots)
    return found


@pytest.mark.parametrize("victims", VICTIMS)
@pytest.mark.parametrize("verb", ["create", "start", "delete"])
def test_a_run_that_broke_off(engine: OurEngine, client: docker.Docker, gate: Gate, verb: str, victims: str) -> None:
    gate.close_at(verb)
    running = begin(client, "run", "--name", "box", "--runtime", "gate", "busybox", "sh", "-c", "exit 42")
    gate.wait_reached()
    kill(engine, victims)
    gate.open()
    bring_back(engine, victims)
    status = running.wait(20)
    state = client.run("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}", "box").line
    if verb == "delete":
        wait_until(
            lambda: client.run("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "box").line == "exited 42",
            "the exit",
        )
        assert status in (42, 125)
    else:
        assert status != 0
        assert state in ("created 0 0", "exited 42 0", "created 128 0"), state
        assert client.run("start", "-a", "box").status == 42  # nothing is in the way of the next start


@pytest.mark.parametrize("victims", VICTIMS)
def test_an_exec_that_broke_off(engine: OurEngine, client: docker.Docker, gate: Gate, victims: str) -> None:
    client("run", "-d", "--name", "box", "--runtime", "gate", "busybox", "sleep", "600")
    gate.close_at("exec")
    running = begin(client, "exec", "box", "echo", "hello")
    gate.wait_reached()
    kill(engine, victims)
    gate.open()
    bring_back(engine, victims)
    assert running.wait(20) != 0
    assert client("exec", "box", "echo", "ok") == "ok"
    wait_until(lambda: not fifos_of_execs(engine), "the fifos of execs to have gone")


ENDS_ON_TERM = ("sh", "-c", "trap 'exit 3' TERM; touch /ready; while :; do sleep 0.05; done")


@pytest.fixture
def trapping(client: docker.Docker) -> str:
    """A container that ends with 3 when it is asked to, and which its restart policy would bring back."""
    client("run", "-d", "--name", "box", "--runtime", "gate", "--restart", "unless-stopped", "busybox", *ENDS_ON_TERM)
    init = client("inspect", "-f", "{{.State.Pid}}", "box")
    wait_until(Path(f"/proc/{init}/root/ready").exists, "the trap to be set")
    return init


def state(client: docker.Docker) -> str:
    return client("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "box")


@pytest.mark.parametrize("victims", VICTIMS)
@pytest.mark.parametrize(
    ("command", "gated", "ended"),
    [
        (("stop", "-t", "600", "box"), "kill", "exited 3"),
        (("stop", "-t", "600", "box"), "delete", "exited 3"),
        (("kill", "-s", "TERM", "box"), "kill", "exited 3"),
        (("kill", "box"), "kill", "exited 137"),
        (("kill", "box"), "delete", "exited 137"),
        (("rm", "-f", "box"), "kill", "exited 137"),
        (("rm", "-f", "box"), "delete", "exited 137"),
    ],
    ids=lambda value: "-".join(value[:1]) if isinstance(value, tuple) else "",
)
def test_an_end_that_broke_off(
    engine: OurEngine,
    client: docker.Docker,
    gate: Gate,
    trapping: str,
    victims: str,
    command: tuple[str, ...],
    gated: str,
    ended: str,
) -> None:
    """The container ends as it was told, is not brought back, and can be started, or removed, afterwards."""
    gate.close_at(gated)
    running = begin(client, *command)
    gate.wait_reached()
    kill(engine, victims)
    gate.open()
    bring_back(engine, victims)
    running.wait(20)
    if command[0] == "rm" and victims == "containerd":  # dockerd lives, and went on as far as it could
        assert client.run("rm", "-f", "box").status == 0
        assert client("ps", "-aq") == ""
        return
    wait_until(lambda: state(client) == ended, f"{ended}, and not {state(client)}")
    client("start", "box")
    assert state(client) == "running 0"


def test_always_means_with_the_daemon_too(engine: OurEngine, client: docker.Docker, gate: Gate) -> None:
    """As the original: what was stopped by hand is started again by a new daemon, also when the stop broke off."""
    client("run", "-d", "--name", "box", "--runtime", "gate", "--restart", "always", "busybox", "sleep", "600")
    gate.close_at("delete")
    running = begin(client, "stop", "-t", "0", "box")
    gate.wait_reached()
    kill(engine, "both")
    gate.open()
    bring_back(engine, "both")
    assert running.wait(20) != 0
    assert state(client) == "running 0"


@pytest.mark.parametrize("victims", VICTIMS)
@pytest.mark.parametrize("gated", ["kill", "delete", "create", "start"])
def test_a_restart_that_broke_off(
    engine: OurEngine, client: docker.Docker, gate: Gate, trapping: str, victims: str, gated: str
) -> None:
    gate.close_at(gated)
    running = begin(client, "restart", "-t", "600", "box")
    gate.wait_reached()
    kill(engine, victims)
    gate.open()
    bring_back(engine, victims)
    running.wait(20)
    wait_until(lambda: client.run("restart", "-t", "600", "box").status == 0, "a restart to go through")
    assert state(client) == "running 0"
    assert client("exec", "box", "echo", "ok") == "ok"


@pytest.mark.parametrize("victims", VICTIMS)
@pytest.mark.parametrize(
    ("command", "gated", "after"), [("pause", "pause", "paused 0"), ("unpause", "resume", "running 0")]
)
def test_a_freeze_that_broke_off(
    engine: OurEngine,
    client: docker.Docker,
    gate: Gate,
    trapping: str,
    victims: str,
    command: str,
    gated: str,
    after: str,
) -> None:
    """What the runtime did is what is told, and can be taken back."""
    if command == "unpause":
        client("pause", "box")
    gate.close_at(gated)
    running = begin(client, command, "box")
    gate.wait_reached()
    kill(engine, victims)
    gate.open()
    bring_back(engine, victims)
    running.wait(20)
    wait_until(lambda: state(client) == after, f"{after}, and not {state(client)}")
    if command == "pause":
        client("unpause", "box")
    assert client("exec", "box", "echo", "ok", timeout=10) == "ok"


@pytest.mark.parametrize("victims", VICTIMS)
def test_a_removal_that_broke_off(engine: OurEngine, client: docker.Docker, victims: str) -> None:
    """containerd is stopped in the middle: the container's folder goes, its snapshot cannot."""
    client("run", "--name", "box", "busybox", "true")
    folder = Path(client("inspect", "-f", "{{.LogPath}}", "box")).parent
    with processes.stopped(engine.containerd_pid):
        running = begin(client, "rm", "box")
        wait_until(lambda: not folder.exists(), "the folder to be gone")
        kill(engine, victims)
    bring_back(engine, victims)
    assert running.wait(20) != 0
    if victims == "containerd":
        client("rm", "box")  # as it says, and nothing is in the way
    assert client("ps", "-aq") == ""


def fifos_of_execs(engine: OurEngine) -> list[Path]:
    return [path for path in engine.folder.glob("run/containers/*/*-std*") if not path.name.startswith("init-")]


def test_a_killed_shim_takes_its_container_along(engine: OurEngine, client: docker.Docker) -> None:
    """As with the original: nobody is left to watch it, so it is killed and told as such."""
    client("run", "-d", "--name", "box", "busybox", "sleep", "600")
    init = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", "box")))
    assert init is not None
    shim = processes.read(init.parent)
    assert shim is not None
    assert "containerd-shim-runc-v2" in shim.command
    processes.end([shim])
    assert client("wait", "box", timeout=20) == "137"
    assert not init.is_alive()


def seconds_of(client: docker.Docker, *arguments: str) -> float:
    """The least of three times."""
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        client(*arguments, timeout=20)
        taken.append(time.perf_counter() - begun)
    return min(taken)


def test_a_stopped_shim_delays_nobody_else(engine: OurEngine, client: docker.Docker) -> None:
    """By more than a tenth of a second."""
    client("run", "-d", "--name", "stuck", "busybox", "sleep", "600")
    client("run", "-d", "--name", "other", "busybox", "sleep", "600")
    commands = (
        ("ps", "-a"),
        ("inspect", "other"),
        ("exec", "other", "true"),
        ("top", "other"),
        ("kill", "-s", "CONT", "other"),
        ("run", "--rm", "busybox", "true"),
    )
    before = [seconds_of(client, *command) for command in commands]
    init = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", "stuck")))
    assert init is not None
    with contextlib.ExitStack() as stack:
        for pid in {init.parent, *processes.children_of(init.parent)} - {init.pid}:  # its forerunner, if there is one
            stack.enter_context(processes.stopped(pid))
        assert sorted(client("ps", "--format", "{{.Names}}", timeout=2).split()) == ["other", "stuck"]
        during = [seconds_of(client, *command) for command in commands]
    delays = [now - was for was, now in zip(before, during, strict=True)]
    assert max(delays) <= MOST_DELAY, [*zip(commands, before, during, strict=True)]


def test_a_second_dockerd_is_refused_with_one_sentence(engine: OurEngine, client: docker.Docker) -> None:
    second = engine.sandbox.popen(engine.argv(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = second.communicate(timeout=20)[0].decode()
    assert second.returncode == 1
    assert "another daemon is using it" in said
    assert len(said.strip().splitlines()) == 1
    assert client("info", "-f", "{{.ServerVersion}}")

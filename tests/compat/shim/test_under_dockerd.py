"""The original dockerd, 26.1 and 28.5, with its own containerd, runs containers with our shim and our runc."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from tests.support.peers import SUITES, OriginalEngine
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]


class Docker:
    def __init__(self, engine):
        self.engine = engine

    def __call__(self, *arguments, **options):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60, **options)

    def command(self, *arguments):
        return [self.client(), "-H", self.engine.host, *arguments]

    @staticmethod
    def client():
        return "/usr/local/bin/docker"


@pytest.fixture(scope="module", params=sorted(SUITES))
def docker(request, short_folder, shim_folder, rootfs):
    folder = short_folder / f"dd-{request.param}"
    folder.mkdir()
    runtimes = {"ours": {"runtimeType": str(shim_folder / "containerd-shim-runc-v2")}}
    configuration = folder / "daemon.json"
    configuration.write_text(json.dumps({"default-runtime": "ours", "runtimes": runtimes}))
    shown = os.environ.get("PEERS_BIND")
    os.environ["PEERS_BIND"] = f"{CHECKOUT}:{shim_folder}"
    try:
        engine = OriginalEngine(request.param, folder, f"--config-file={configuration}")
    finally:
        os.environ.pop("PEERS_BIND")
        if shown is not None:
            os.environ["PEERS_BIND"] = shown
    docker = Docker(engine)
    imported = subprocess.run(
        f"tar -C {rootfs} -c . | {' '.join(docker.command('import', '-', 'bb'))}", shell=True, capture_output=True
    )
    assert imported.returncode == 0, imported.stderr
    yield docker
    engine.stop()


@pytest.fixture
def container(docker):
    """A container that says a line, then waits for its input's end."""
    done = docker("run", "-di", "bb", "/bin/sh", "-c", "echo started; cat; exit 4")
    assert done.returncode == 0, done.stderr
    identity = done.stdout.strip()
    yield identity
    docker("rm", "-f", identity)


def test_output_errors_and_status(docker):
    done = docker("run", "--rm", "bb", "/bin/sh", "-c", "echo out; echo err >&2; exit 42")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 42)


def test_a_program_that_is_not_there_is_127(docker):
    done = docker("run", "--rm", "bb", "/nowhere")
    assert done.returncode == 127
    assert "no such file or directory" in done.stderr


def test_input_ends_the_program_that_waits_for_its_end(docker):
    done = docker("run", "--rm", "-i", "bb", "/bin/cat", input="one\ntwo\n")
    assert (done.stdout, done.returncode) == ("one\ntwo\n", 0)


def test_logs_exec_and_stop(docker, container):
    wait_until(lambda: docker("logs", container).stdout == "started\n", "the first line in the log")
    assert docker("exec", container, "/bin/sh", "-c", "echo inside; exit 5").returncode == 5
    assert docker("exec", "-i", container, "/bin/cat", input="fed").stdout == "fed"
    assert docker("stop", "-t", "1", container).returncode == 0
    state = json.loads(docker("inspect", container).stdout)[0]["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 137)


def test_pause_and_top(docker, container):
    assert docker("pause", container).returncode == 0
    assert json.loads(docker("inspect", container).stdout)[0]["State"]["Paused"] is True
    assert docker("unpause", container).returncode == 0
    assert "cat" in docker("top", container).stdout


def test_a_terminal(docker):
    command = " ".join(docker.command("run", "--rm", "-it", "bb", "/bin/sh", "-c", "'tty; exit 6'"))
    done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True, timeout=60)
    assert "/dev/pts/0" in done.stdout
    assert done.returncode == 6


def test_a_container_starts_again(docker, container):
    docker("kill", container)
    assert docker("start", container).returncode == 0
    wait_until(lambda: docker("logs", container).stdout == "started\nstarted\n", "the second start's line")


def test_ten_at_once(docker):
    started = [
        subprocess.Popen(docker.command("run", "--rm", "bb", "/bin/echo", str(number)), stdout=subprocess.PIPE)
        for number in range(10)
    ]
    assert [process.communicate(timeout=60)[0] for process in started] == [b"%d\n" % number for number in range(10)]


def test_memory_that_runs_out_is_told(docker):
    name = f"oom-{os.urandom(4).hex()}"
    done = docker(
        "run",
        "--name",
        name,
        "-m",
        "20m",
        "--memory-swap",
        "20m",
        "bb",
        "/bin/sh",
        "-c",
        "x=a; while :; do x=$x$x; done",
    )
    assert done.returncode == 137
    assert json.loads(docker("inspect", name).stdout)[0]["State"]["OOMKilled"] is True
    docker("rm", name)


def test_what_shares_the_machines_pid_namespace_ends_with_its_init(docker):
    mark = f"1000{os.getpid()}"
    done = docker("run", "--rm", "--pid", "host", "bb", "/bin/sh", "-c", f"/bin/sleep {mark} & exit 3")
    assert done.returncode == 3
    assert not [line for line in processes_of_machine() if f"sleep {mark}" in line]


def processes_of_machine():
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue

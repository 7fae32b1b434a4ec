"""Where output goes that no client reads: a file, a program, nowhere. It is whole whoever dies."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from slipway.base.errors import EngineError, InvalidArgument
from slipway.clients.shim.task_client import connect
from slipway.contracts.shim_api import messages
from tests.integration.shim.conftest import Container
from tests.integration.shim.test_tasks import process_spec
from tests.support import processes
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

READY = "exec 5>&-"
KEEP = "cat <&3 >{folder}/out & cat <&4 >{folder}/err & wait"


class Program:
    """A logging program: a shell script in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "logging program"

    def write(self, *lines: str) -> str:
        """Its URI."""
        before = [f"echo $$ >{self.folder}/pid", f'for word in "$@"; do echo "$word"; done >{self.folder}/arguments']
        script = "\n".join(["#!/bin/sh", "export PATH=/usr/bin:/bin", *before, *lines]).replace(
            "{folder}", str(self.folder)
        )
        self.path.write_text(script)
        self.path.chmod(0o755)
        return f"binary://{self.folder}/logging%20program"

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    @property
    def pid(self) -> int:
        return int(self.read("pid"))

    def has_begun(self) -> bool:
        return (self.folder / "arguments").exists()

    def has_ended(self) -> bool:
        process = processes.read(self.pid)
        return process is None or process.state in "ZX"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


async def lives(container, status=0):
    """Start it and wait for its end."""
    await container.start()
    assert (await container.client.wait(container.process)).exit_status == status
    await container.end()


def test_a_file_gets_both_streams_in_order(scenario, tmp_path):
    async def test(containerd):
        path = tmp_path / "a new/folder/out"
        uri = f"file://{tmp_path}/a%20new/folder/out?ignored=1"
        container = await containerd.container("/bin/sh", "-c", "seq 30000; echo err >&2; seq 3", log=uri)
        await lives(container)
        again = await containerd.container("/bin/sh", "-c", "echo again", log=uri)
        await lives(again)
        lines = path.read_text().splitlines()
        assert lines.count("err") == 1
        assert [line for line in lines if line not in ("err", "again")] == [
            *(str(n) for n in range(1, 30001)),
            *"123",
        ]
        assert lines[-1] == "again"

    scenario(test)


@pytest.mark.matrix
def test_a_container_never_holds_its_log_file(scenario, tmp_path):
    """It could read what others wrote there, cut it off, or change its owner."""

    async def test(containerd):
        (tmp_path / "out").write_text("of another\n")
        script = "echo x; : >/proc/self/fd/1; cat /proc/self/fd/1 & sleep 0.1; kill $!; readlink /proc/self/fd/1"
        container = await containerd.container("/bin/sh", "-c", script, log=f"file://{tmp_path}/out")
        await lives(container)
        first, *rest = (tmp_path / "out").read_text().splitlines()
        assert first == "of another"
        assert rest[0] == "x"

    scenario(test)


@pytest.mark.matrix
def test_a_file_goes_on_with_the_shim_that_stays_and_without_containerd(scenario, tmp_path):
    async def test(containerd):
        log, go = tmp_path / "out", "read line; seq 20000"
        container = await containerd.container("/bin/sh", "-c", f"seq 5; {go}", stdin=True, log=f"file://{log}")
        await container.start()
        await container.passed_on()
        await container.client.close()
        await containerd.vanish()
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        os.write(writer, b"go\n")
        os.close(writer)
        await asyncio.to_thread(wait_until, lambda: log.read_text().endswith("\n20000\n"), "the last line")
        assert log.read_text().split() == [*map(str, range(1, 6)), *map(str, range(1, 20001))]
        await containerd.appear()
        container.client = await connect(container.bootstrap)
        await container.end()

    scenario(test)


@pytest.mark.parametrize("terminal", [pytest.param(False, marks=pytest.mark.matrix), True])
def test_a_file_takes_a_terminals_output_and_that_of_an_exec(scenario, tmp_path, terminal):
    async def test(containerd):
        name = f"file://{tmp_path}/out"
        container = await containerd.container(
            "/bin/sh", "-c", "echo init; exec sleep 1000", terminal=terminal, log=name
        )
        await container.start()
        spec = process_spec("/bin/echo", "exec")
        request = messages.ExecProcessRequest(id=container.id, exec_id="e", terminal=terminal, stdout=name, spec=spec)
        await container.client.exec(request)
        process = messages.ProcessRequest(id=container.id, exec_id="e")
        await container.client.start(process)
        await container.client.wait(process)
        await container.client.delete(process)
        assert sorted((tmp_path / "out").read_text().split()) == ["exec", "init"]
        await container.end()

    scenario(test)


def test_a_program_reads_both_streams_and_knows_whose(scenario, program):
    async def test(containerd):
        uri = program.write("env >{folder}/environment", READY, KEEP)
        script = "seq 30000; echo err >&2; exit 3"
        container = await containerd.container("/bin/sh", "-c", script, log=f"{uri}?--flag&key=two+words&path=%2Fa%3Db")
        await lives(container, status=3)
        assert program.read("out").split() == [str(n) for n in range(1, 30001)]
        assert program.read("err") == "err\n"
        assert program.read("arguments").splitlines() == ["--flag", "", "key", "two words", "path", "/a=b"]
        known = dict(line.split("=", 1) for line in program.read("environment").splitlines())
        assert (known.pop("CONTAINER_ID"), known.pop("CONTAINER_NAMESPACE")) == (container.id, "test")
        assert set(known) <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}  # the shell's own
        assert program.has_ended()

    scenario(test)


@pytest.mark.matrix
def test_a_program_has_three_descriptors_and_no_other(scenario, program):
    async def test(containerd):
        uri = program.write("ls -l /proc/self/fd >{folder}/open", READY, KEEP)
        container = await containerd.container("/bin/true", log=uri)
        await lives(container)
        opened = dict(line.split()[-3::2] for line in program.read("open").splitlines()[1:])
        assert {number for number, target in opened.items() if target.startswith("pipe:")} == {"3", "4", "5"}
        assert opened["0"] == opened["2"] == "/dev/null"
        assert not [target for target in opened.values() if "socket" in target or "eventpoll" in target]

    scenario(test)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["exit 7"], "it ended with status 7"),
        (["kill -9 $$"], "it ended with status 137"),
    ],
)
@pytest.mark.matrix
def test_a_program_that_fails_before_it_is_ready_fails_the_creation(scenario, program, lines, words):
    async def test(containerd):
        with pytest.raises(EngineError, match=f"start logging program {program.path}: {words}"):
            await containerd.container("/bin/true", log=program.write(*lines))
        nothing_is_left(containerd)

    scenario(test)


def nothing_is_left(containerd):
    [container] = containerd.clients
    with open("/proc/self/mountinfo") as mounts:
        assert str(container.bundle) not in mounts.read()
    assert not os.path.exists(f"{containerd.folder}/runc/test/{container.id}")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("binary:///nowhere/logger", "start logging program /nowhere/logger: No such file or directory"),
        pytest.param(
            *("binary:///etc/passwd", "start logging program /etc/passwd: Permission denied"), marks=pytest.mark.matrix
        ),
        ("file:///proc/nowhere/out", "open log file /proc/nowhere/out: no such file or directory"),
        pytest.param(*("npipe://host/pipe", "unknown STDIO scheme npipe"), marks=pytest.mark.matrix),
        pytest.param(*("binary://relative", "'binary://relative' has no absolute path"), marks=pytest.mark.matrix),
        pytest.param(*("/nowhere/fifo", "open fifo /nowhere/fifo: no such file"), marks=pytest.mark.matrix),
        ("/etc/passwd", "open fifo /etc/passwd: it is no fifo"),
    ],
)
@pytest.mark.parametrize("terminal", [pytest.param(False, marks=pytest.mark.matrix), True])
def test_what_leads_nowhere_is_one_sentence(scenario, uri, words, terminal):
    async def test(containerd):
        with pytest.raises(EngineError) as failed:
            await containerd.container("/bin/sleep", "1000", log=uri, terminal=terminal)
        assert str(failed.value) == words
        nothing_is_left(containerd)
        [container] = containerd.clients
        assert (await container.client.connect(container.task)).task_pid == 0

    scenario(test)


def test_a_program_that_is_never_ready_holds_nobody_else_up(scenario, program):
    """Its container is not made; who asks the shim meanwhile is answered."""

    async def test(containerd):
        container = Container(containerd, f"c{os.urandom(4).hex()}")
        await container.launch(["/bin/true"])
        making = asyncio.create_task(container.make(log=program.write("exec sleep 1000")))
        await asyncio.to_thread(wait_until, program.has_begun, "the program's start")
        asked = time.monotonic()
        assert (await container.client.connect(container.task)).task_pid == 0
        state = await container.client.state(container.process)
        assert state.status == messages.CREATED
        assert time.monotonic() - asked < 1
        os.kill(program.pid, signal.SIGKILL)
        with pytest.raises(EngineError, match="it ended with status 137"):
            await making
        assert (await container.client.connect(container.task)).task_pid == 0

    scenario(test)


def test_a_program_that_reads_slowly_slows_its_container_and_loses_nothing(scenario, program):
    async def test(containerd):
        slow = "until [ -e {folder}/go ]; do sleep 0.02; done; cat <&3 >{folder}/out"
        script = "seq 60000; echo done >&2"
        container = await containerd.container("/bin/sh", "-c", script, log=program.write(READY, slow))
        await container.start()
        assert (await container.client.state(container.process)).status == messages.RUNNING
        (program.folder / "go").touch()
        assert (await container.client.wait(container.process)).exit_status == 0
        await container.end()
        assert program.read("out").split() == [str(n) for n in range(1, 60001)]

    scenario(test)


@pytest.mark.matrix
def test_who_writes_to_a_program_that_died_is_told_by_the_kernel(scenario, program):
    """As with the original: nothing is dropped silently."""

    async def test(containerd):
        uri = program.write(READY, "exec cat <&3 >{folder}/out 4<&-")
        script = "echo first; read line; seq 100000; echo not reached"
        container = await containerd.container("/bin/sh", "-c", script, stdin=True, log=uri)
        await container.start()
        await asyncio.to_thread(wait_until, lambda: program.read("out") == "first\n", "the first line")
        os.kill(program.pid, signal.SIGKILL)
        await asyncio.to_thread(wait_until, program.has_ended, "the program's end")
        writer = os.open(container.bundle / "stdin", os.O_WRONLY)
        os.write(writer, b"go\n")
        os.close(writer)
        assert (await container.client.wait(container.process)).exit_status != 0
        await container.end()

    scenario(test)


@pytest.mark.matrix
def test_a_program_may_finish_what_it_has_read(scenario, program):
    """It has ten seconds after the end of both streams, then SIGTERM."""

    async def test(containerd):
        last = "cat <&3 >{folder}/out; sleep 0.5; echo finished >>{folder}/out"
        container = await containerd.container("/bin/echo", "words", log=program.write(READY, last))
        await lives(container)
        assert program.read("out") == "words\nfinished\n"

    scenario(test)


def test_a_terminals_output_reaches_a_program(scenario, program):
    async def test(containerd):
        uri = program.write(READY, KEEP)
        container = await containerd.container("/bin/sh", "-c", "tty; seq 5000", terminal=True, log=uri)
        await lives(container)
        assert program.read("out").splitlines() == ["/dev/pts/0", *map(str, range(1, 5001))]

    scenario(test)


@pytest.mark.matrix
def test_output_goes_nowhere_without_names(scenario):
    async def test(containerd):
        container = Container(containerd, f"c{os.urandom(4).hex()}")
        await container.launch(["/bin/sh", "-c", "seq 100000; seq 100000 >&2; cat; exit 5"])
        await container.make(log="")
        await lives(container, status=5)

    scenario(test)


@pytest.mark.matrix
def test_a_program_for_standard_error_alone_is_refused(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        spec = process_spec("/bin/true")
        names = {"stdout": str(container.bundle / "stdout"), "stderr": "binary:///bin/true"}
        await container.client.exec(messages.ExecProcessRequest(id=container.id, exec_id="e", spec=spec, **names))
        with pytest.raises(InvalidArgument, match="standard output must lead to it, too"):
            await container.client.start(messages.ProcessRequest(id=container.id, exec_id="e"))
        await container.end()

    scenario(test)

"""Groups, and where output is logged, as the originals know them: 1.7 and 2.1 over our shim, ours over theirs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import cgroup_folders, peers, processes
from tests.support.foreign_runtimes import launcher
from tests.support.paths import CHECKOUT, PEERS_HOME
from tests.support.peers import OriginalContainerd
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

GROUP = ("--annotation", "io.containerd.runc.v2.group=pod")


class Engine:
    """A containerd of either maker, its shim of the other's, and `ctr`."""

    def __init__(self, daemon, *flags, rootfs):
        self.daemon, self.flags, self.rootfs = daemon, flags, str(rootfs)

    def ctr(self, *arguments):
        done = self.daemon.ctr(*arguments, check=False) if self.is_ours else self.daemon.ctr(*arguments)
        text = [stream if isinstance(stream, str) else stream.decode() for stream in (done.stdout, done.stderr)]
        return done.returncode, *text

    @property
    def is_ours(self):
        return isinstance(self.daemon, OurContainerd)

    def run(self, name, *arguments, program=("/bin/sleep", "1000")):
        status, _, errors = self.ctr(
            "run", "-d", "--null-io", "--rootfs", *self.flags, *arguments, self.rootfs, name, *program
        )
        assert status == 0, errors

    def execute(self, name):
        """The status of a program that is added. (`ctr` itself may leave what it says unread.)"""
        return self.ctr("task", "exec", "--exec-id", f"e{os.urandom(3).hex()}", name, "/bin/sh", "-c", "exit 7")[0]

    def tasks(self):
        lines = self.ctr("task", "ls")[1].splitlines()[1:]
        return {line.split()[0]: (int(line.split()[1]), line.split()[2]) for line in lines}

    def shims(self):
        found = processes.mentioning(f"-namespace {self.daemon.namespace} -id ")
        mine = [p for p in found if "shim" in p.command]
        return [p for p in mine if p.parent not in {other.pid for other in mine}]

    def remove(self, name):
        self.ctr("task", "kill", "-s", "KILL", name)
        wait_until(lambda: self.tasks().get(name, (0, "STOPPED"))[1] == "STOPPED", "the task to stop")
        status, _, errors = self.ctr("task", "rm", name)
        assert name not in self.tasks(), (status, errors)
        assert self.ctr("container", "rm", name)[0] == 0


PAIRS = [
    "trixie",
    pytest.param("sid", marks=pytest.mark.matrix),
    pytest.param("ours over theirs", marks=pytest.mark.matrix),
    "ours over ours",
]


@pytest.fixture(scope="module", params=PAIRS)
def engine(request, machine_unchanged, short_folder, shim_folder, rootfs) -> Iterator[Engine]:
    suite = request.param if request.param in peers.SUITES else "sid"
    peers.install(suite)
    folder = short_folder / f"g{os.urandom(3).hex()}"
    if request.param == suite:
        original = OriginalContainerd(suite, folder, bind=(CHECKOUT, shim_folder, rootfs), path=str(shim_folder))
        try:
            yield Engine(original, rootfs=rootfs)
        finally:
            original.stop()
        return
    daemon = OurContainerd(folder)
    flags = []
    if request.param == "ours over theirs":
        flags = ["--runtime", str(PEERS_HOME / "sid/usr/bin/containerd-shim-runc-v2")]
        (folder / "programs").mkdir()
        (folder / "programs/runc").symlink_to(launcher("runc", "sid", folder))
        daemon.path = f"{folder}/programs:{daemon.path}"
    try:
        yield Engine(daemon.start(), *flags, rootfs=rootfs)
    finally:
        daemon.close()


def test_two_containers_of_a_group_have_one_shim(engine):
    names = [f"g{os.urandom(3).hex()}" for _ in range(3)]
    for name in names:
        engine.run(name, *GROUP)
    alone = f"a{os.urandom(3).hex()}"
    engine.run(alone)
    tasks = engine.tasks()
    parents = {name: processes.read(tasks[name][0]).parent for name in (*names, alone)}
    assert len({parents[name] for name in names}) == 1
    assert parents[alone] != parents[names[0]]
    assert len(engine.shims()) == 2
    assert engine.execute(names[0]) == 7
    engine.remove(names[0])  # whose bundle the shim began in
    for name in names[1:]:
        assert engine.tasks()[name][1] == "RUNNING"
        assert engine.execute(name) == 7
    again = names[0]
    engine.run(again, *GROUP)
    assert processes.read(engine.tasks()[again][0]).parent == parents[names[1]]
    for name in (names[2], again, names[1], alone):
        assert engine.tasks()[name][1] == "RUNNING"
        engine.remove(name)
    wait_until(lambda: not engine.shims(), "the end of the shims")
    assert not cgroup_folders.members(engine.daemon.namespace)


def test_a_group_whose_shim_is_killed_is_told_as_gone_and_can_begin_again(engine):
    names = [f"g{os.urandom(3).hex()}" for _ in range(2)]
    for name in names:
        engine.run(name, *GROUP)
    inits = [processes.read(pid) for pid, _ in engine.tasks().values()]
    processes.end(engine.shims())
    wait_until(lambda: not engine.tasks(), "the tasks to go")
    wait_until(lambda: not any(init.is_alive() for init in inits), "the containers to be killed")
    for name in names:
        engine.ctr("container", "rm", name)
        engine.run(name, *GROUP)
    assert len(engine.shims()) == 1
    for name in names:
        engine.remove(name)
    wait_until(lambda: not engine.shims(), "the end of the shim")


def test_a_log_file_and_a_logging_program(containerd, rootfs, name):
    """Where the original has both streams in the file's folder, made if need be, and a program's last words whole."""
    theirs = Engine(containerd, rootfs=rootfs)
    log = Path(containerd.folder) / f"{name}-logs/new/out"
    script = "seq 20000; echo err >&2; exit 3"
    for uri in (f"file://{log}", program_that_logs(containerd, log)):
        arguments = ["run", "-d", "--log-uri", uri, "--rootfs", theirs.rootfs, name, "/bin/sh", "-c", script]
        status, _, errors = theirs.ctr(*arguments)
        assert status == 0, errors
        wait_until(lambda: theirs.tasks()[name][1] == "STOPPED", "the end of the task")
        assert "3" in theirs.ctr("task", "rm", name)[2]
        theirs.ctr("container", "rm", name)
        lines = Path(log).read_text().splitlines()
        assert [line for line in lines if line != "err"] == [str(number) for number in range(1, 20001)]
        assert lines.count("err") == 1
        Path(log).unlink()


def program_that_logs(containerd, log):
    program = Path(containerd.folder) / "logger"
    script = '#!/bin/sh\nexec 5>&-\nexport PATH=/usr/bin:/bin\ncat <&3 >"$2"\ncat <&4 >>"$2"\n'
    program.write_text(script)
    program.chmod(0o755)
    return f"binary://{program}?to={log}"

"""Hostile processes under `docker top`; what the engine's own processes give away; trees deeper than any path."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, images, processes
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.system.harness import client_of_an_attack

HOSTILE = "\n\033[31;1mroot 1 0 0 00:00 ? 00:00:00 fake-of-newline\r\t\x07\x85\u2028root 1 0 fake-of-separator\x1c\x0b"
PARTS = ("exe", "environ", "maps", "mem", "fd/1", "root/etc", "cwd/")
LOOK = """for pid; do for part in PARTS; do
  where=/proc/$pid/$part; (ls $where/ || : <$where) >/dev/null 2>&1 && echo $pid $part
done; done; true"""
# Each chain goes to the other's end: no path is longer than a system call takes.
DEEP = """chain=$(printf 'd/%.0s' $(seq 1600)); mkdir -p /c1/$chain; echo >/c1/file
for n in 2 3; do mkdir -p /c$n/$chain; mv /c$((n-1)) /c$n/$chain; done"""


@pytest.fixture(scope="module")
def client(our_engine: OurEngine, busybox_archive: Path) -> Iterator[Docker]:
    with client_of_an_attack(our_engine.host, busybox_archive, "ps-trap") as client:
        yield client


def test_top_neither_runs_nor_believes_what_is_in_the_container(
    client: Docker, tmp_path: Path, busybox_archive: Path
) -> None:
    """CVE-2022-1227: its ps, libraries and loader are its own; a command line is one cell, whatever is in it."""
    trap = b"#!/bin/sh\necho ran >>/ran\n"
    files: dict[str, bytes | str] = dict.fromkeys(("bin/ps", "usr/bin/ps", "sbin/ps", "etc/ld.so.preload"), trap)
    files |= {"bin/busybox": images.program_of(busybox_archive), "bin/sh": "-> busybox", "bin/sleep": "-> busybox"}
    config = {"Env": ["PATH=/bin", "LD_PRELOAD=/bin/ps", "PS_FORMAT=comm", "LIBPROC_HIDE_KERNEL=1"]}
    client("load", "-i", str(images.make(tmp_path / "trap.tar", "ps-trap:latest", files, config)))
    box = client("run", "-d", "--network", "none", "ps-trap", "sh", "-c", "sleep 600; :", HOSTILE)
    try:
        init = int(client("inspect", "-f", "{{.State.Pid}}", box))
        real = {init, *(one.pid for one in processes.descendants(init))}
        for arguments in ((), ("aux",), ("-eo", "pid,args")):
            shown = client("top", box, *arguments)
            assert all(character.isprintable() for character in shown if character != "\n"), shown
            rows = shown.splitlines()[1:]
            assert len(rows) == len(real) == 2, shown
            assert not any(row.startswith("fake") or row.split()[:2] == ["root", "1"] for row in rows)
        assert "/ran" not in client("diff", box)
    finally:
        client("rm", "-f", box)


@pytest.mark.parametrize("host", ["ours", pytest.param("original", marks=pytest.mark.matrix)])
def test_who_sees_the_host_s_processes_takes_nothing_from_the_engine_s(
    request: pytest.FixtureRequest, client: Docker, host: str
) -> None:
    """With --pid host alone; with CAP_SYS_PTRACE beside it the kernel allows all, on the original, too."""
    engine: OurEngine | OriginalEngine = request.getfixturevalue("our_engine" if host == "ours" else "original")
    client = docker.theirs(engine.host)
    box = client("run", "-d", "--network", "none", "busybox", "sleep", "600")
    try:
        inside = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", box)))
        assert inside is not None
        pids = [str(pid) for pid in (engine.pid, engine.containerd_pid, inside.parent)]
        look = ("busybox", "sh", "-c", LOOK.replace("PARTS", " ".join(PARTS)), "sh", *pids)
        flags = ("run", "--rm", "--network", "none", "--pid", "host")
        assert client(*flags, *look) == ""
        took = client(*flags, "--cap-add", "SYS_PTRACE", *look).splitlines()
        assert {line.split()[1] for line in took} >= {"environ", "maps"}, took  # so the look is one
        assert client("run", "--rm", "--network", "none", "--cap-add", "SYS_PTRACE", *look) == ""
    finally:
        client("rm", "-f", box)


@pytest.mark.matrix
def test_a_tree_deeper_than_any_path_is_refused_in_words_counted_and_removed(client: Docker) -> None:
    """The list of its paths would grow with the square of the depth."""
    client("run", "--name", "deep", "--network", "none", "busybox", "sh", "-c", DEEP)
    refused = client.run("diff", "deep")
    assert (refused.status, len(refused.err) < 300) == (1, True)
    assert refused.err.endswith("with its image: File name too long\n")
    assert client("ps", "-as", "--filter", "name=deep", "--format", "{{.Names}}") == "deep"
    client("rm", "deep")

"""Containers are saved and brought back by criu: with the original runc 1.3, with ours, with one after the other."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.runc.beside import ONE_SIDE, SIDES, Pair
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

COUNT = "i=0; while [ ! -e /go ]; do i=$((i+1)); echo $i >/count; sleep 0.05; done; exit 7"
SAVE = ["checkpoint", "--image-path", "{side}/../images", "--work-path", "{side}/../work"]
LOAD = ["restore", "--image-path", "{side}/../images", "--work-path", "{side}/../work"]


@pytest.fixture(scope="module")
def session(machine_unchanged: None, short_folder: Path) -> Iterator[Pair]:
    pair = Pair(short_folder / "k")
    try:
        yield pair
    finally:
        pair.close()


@pytest.fixture
def pair(session: Pair) -> Iterator[Pair]:
    yield session
    session.remove_all()
    subprocess.run(["rm", "-rf", str(session.folder / "images"), str(session.folder / "work")], check=True)


def quietly(pair: Pair, side: str, *words: str) -> int:
    """With /dev/null as stdio: criu cannot save files that the container does not see."""
    argv = pair.argv(side, "--log", "{side}/quiet.log", *words)
    null = subprocess.DEVNULL
    return subprocess.run(argv, stdin=null, stdout=null, stderr=null, timeout=60, check=False).returncode


def said(pair: Pair, side: str) -> str:
    log = pair.folder / side / "quiet.log"
    return log.read_text() if log.exists() else ""


def count(pair: Pair, side: str, bundle: str) -> int:
    try:
        return int((pair.folder / side / bundle / "rootfs/count").read_text() or 0)
    except FileNotFoundError:
        return 0


def counting(pair: Pair, side: str, **options: Any) -> str:
    bundle = pair.bundle("sh", "-c", COUNT, **options)
    assert quietly(pair, side, "run", "-d", "-b", f"{{side}}/{bundle}", "c") == 0
    wait_until(lambda: count(pair, side, bundle) > 3, "the container to count")
    return bundle


def with_mounts(spec: dict[str, Any]) -> None:
    """Binds of a folder and a file, the host's cgroup namespace, and a tmpfs in which the program writes."""
    spec["linux"]["namespaces"].remove({"type": "cgroup"})
    spec["mounts"] += [
        {"destination": "/deep/er", "source": "/usr/share", "type": "none", "options": ["rbind", "ro"]},
        {"destination": "/etc/hosts", "source": "/etc/hosts", "type": "bind", "options": ["bind"]},
        {"destination": "/kept", "source": "tmpfs", "type": "tmpfs", "options": ["size=1m"]},
    ]
    spec["process"]["args"][-1] = f"echo here >/kept/file; {COUNT}"


@pytest.mark.parametrize("restorer", ONE_SIDE)
@pytest.mark.parametrize("saver", ONE_SIDE)
def test_a_container_goes_on_where_it_was(pair: Pair, saver: str, restorer: str) -> None:
    bundle = counting(pair, saver, change=with_mounts)
    assert pair.run(saver, *SAVE, "c").err == ""
    assert pair.run(saver, "list", "-q").out == ""
    reached = count(pair, saver, bundle)
    if saver != restorer:  # as whoever moves a container does; the file may have been open
        places = [pair.folder / side / bundle / "rootfs/count" for side in (saver, restorer)]
        shutil.copy(*places)
    words = ["-d", "-b", f"{{side}}/{bundle}", "--pid-file", "{side}/pid", "d"]
    assert quietly(pair, restorer, *LOAD, *words) == 0, said(pair, restorer)
    state = pair.state(restorer, "d")
    assert (state["status"], str(state["pid"])) == ("running", (pair.folder / restorer / "pid").read_text())
    wait_until(lambda: count(pair, restorer, bundle) > reached, "the container to go on")
    assert count(pair, restorer, bundle) < reached + 1000
    shown = pair.run(
        restorer, "exec", "d", "sh", "-c", "cat /kept/file; ls /deep/er /proc/kcore; cat /proc/self/cgroup"
    )
    assert (shown.status, shown.out.split("\n")[0]) == (0, "here")
    assert f"/{pair.group}/{restorer}/{bundle}" in shown.out.replace("<group>", f"{pair.group}/{restorer}")
    (pair.folder / restorer / bundle / "rootfs/go").touch()
    wait_until(lambda: pair.status(restorer, "d") == "stopped", "the container to end")
    assert pair.run(restorer, "delete", "d").status == 0


@pytest.mark.parametrize("side", ONE_SIDE)
def test_a_container_can_be_left_running_and_saved_again(pair: Pair, side: str) -> None:
    bundle = counting(pair, side)
    assert pair.run(side, *SAVE, "--leave-running", "c").err == ""
    reached = count(pair, side, bundle)
    wait_until(lambda: count(pair, side, bundle) > reached, "the container to go on")
    assert pair.run(side, "pause", "c").status == 0
    assert pair.run(side, *SAVE, "--file-locks", "--manage-cgroups-mode", "ignore", "c").err == ""
    assert pair.run(side, "state", "c").status == 1


@pytest.mark.parametrize("side", ONE_SIDE)
def test_restore_in_the_foreground_gives_the_status_and_takes_pipes(pair: Pair, side: str) -> None:
    bundle = pair.bundle("sh", "-c", "while [ ! -e /go ]; do sleep 0.05; done; echo done; exit 7")
    argv = pair.argv(side, "run", "-b", f"{{side}}/{bundle}", "c")
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(argv, **streams) as first:
        wait_until(lambda: "running" in pair.run(side, "list").out, "the container to run")
        assert pair.run(side, *SAVE, "c").err == ""
        assert first.stdout is not None
        assert first.stdout.read() == b""
    argv = pair.argv(side, *LOAD, "-b", f"{{side}}/{bundle}", "c")
    with subprocess.Popen(argv, **streams) as second:
        wait_until(lambda: "running" in pair.run(side, "list").out, "the container to be back")
        (pair.folder / side / bundle / "rootfs/go").touch()
        assert second.stdout is not None
        assert second.stdout.read() == b"done\n"
    assert second.returncode == 7
    assert pair.run(side, "list", "-q").out == ""


@pytest.mark.parametrize("side", ONE_SIDE)
def test_a_terminal_is_handed_out_again(pair: Pair, side: str) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["terminal"] = True

    bundle = pair.bundle("sh", "-c", "while read line; do echo got $line; done", change=change)
    for words in (["run", "-d"], [*LOAD, "-d"]):
        path = pair.folder / side / "console"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen()
            server.settimeout(20)
            status = quietly(pair, side, *words, "-b", f"{{side}}/{bundle}", "--console-socket", str(path), "c")
            assert status == 0, said(pair, side)
            with server.accept()[0] as connection:
                _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
        os.write(master, b"hello\n")
        heard = b""
        while b"got hello" not in heard:
            heard += os.read(master, 1000)
        if words[0] == "run":
            assert pair.run(side, *SAVE, "c").err == ""
        os.close(master)


def test_what_cannot_be_saved_or_brought_back_is_told_in_the_same_words(pair: Pair) -> None:
    bundle = pair.bundle("sleep", "1000")
    for side in SIDES:
        assert quietly(pair, side, "run", "-d", "-b", f"{{side}}/{bundle}", "c") == 0
    saves = (
        ["--page-server", "x"],
        ["--page-server", "a:b"],
        ["--parent-path", "/x"],
        ["--parent-path", "x"],
        ["--empty-ns", "pid"],
        ["--manage-cgroups-mode", "x"],
        ["--pre-dump"],
    )
    for words in saves:
        done = pair.both("checkpoint", "--image-path", "{side}/images", *words, "c")
        if words != ["--pre-dump"] or done["orig"].status:  # some kernels can track memory, others cannot
            assert done["ours"] == done["orig"], words
    done = pair.both("restore", "-b", f"{{side}}/{bundle}", "--image-path", "{side}/nothing", "d")
    assert [one.status for one in done.values()] == [1, 1]
    for side in SIDES:
        assert pair.run(side, "list", "-q").out == "c\n"


@pytest.mark.parametrize("side", ONE_SIDE)
def test_a_restore_that_fails_leaves_nothing_but_what_its_hooks_say(pair: Pair, side: str) -> None:
    """A mount's source is gone. What other hooks did before wants to be undone: poststop hooks are called."""
    source = pair.folder / f"source-of-{side}"

    def change(spec: dict[str, Any]) -> None:
        mount = {"destination": "/from", "source": str(source), "type": "bind", "options": ["bind"]}
        spec["mounts"].append(mount)
        script = f"echo stopped >>{pair.folder}/told"
        spec["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}

    source.mkdir()
    bundle = counting(pair, side, change=change)
    assert pair.run(side, *SAVE, "c").err == ""
    told = pair.folder / "told"
    told.unlink()
    source.rmdir()
    done = pair.run(side, *LOAD, "-d", "-b", f"{{side}}/{bundle}", "d")
    assert done.status == 1
    assert told.read_text() == "stopped\n"
    assert pair.run(side, "list", "-q").out == ""
    source.mkdir()
    assert quietly(pair, side, *LOAD, "-d", "-b", f"{{side}}/{bundle}", "d") == 0, said(pair, side)


def test_a_mistyped_folder_of_images_is_not_made(pair: Pair) -> None:
    bundle = pair.bundle("sleep", "1000")
    done = pair.run("ours", "restore", "-b", f"{{side}}/{bundle}", "--image-path", "{side}/mistyped", "d")
    assert done.status == 1
    assert "mistyped: no such file or directory" in done.err
    assert not (pair.folder / "ours/mistyped").exists()


def test_without_criu_there_is_one_sentence(pair: Pair) -> None:
    bundle, other = (pair.bundle("sleep", "1000") for _ in "cd")
    for words in (["checkpoint", "--image-path", "{side}/i", "c"], ["restore", "-b", f"{{side}}/{other}", "d"]):
        texts = []
        for side in SIDES:
            if words[0] == "checkpoint":
                assert quietly(pair, side, "run", "-d", "-b", f"{{side}}/{bundle}", "c") == 0
            argv = pair.argv(side, *words)
            argv.insert(argv.index("-C") + 2, "PATH=/nonexistent")
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
            texts.append((done.returncode, pair.mask(side, done.stderr)))
        assert texts[0] == texts[1]
        assert "CRIU version check failed" in texts[1][1]


def test_what_may_be_said_about_sockets_locks_and_jobs(pair: Pair) -> None:
    """The container has none of them: that they are saved as asked is criu's matter."""
    bundle = counting(pair, "ours")
    common = ["--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks", "--manage-cgroups-mode", "soft"]
    common += ["--auto-dedup", "--empty-ns", "network"]
    assert pair.run("ours", *SAVE, *common, "--tcp-skip-in-flight", "--link-remap", "c").err == ""
    ways = ["--no-pivot", "--no-subreaper"]
    words = ["-d", "-b", f"{{side}}/{bundle}", "d"]
    assert quietly(pair, "ours", *LOAD, *common, *ways, *words) == 0, said(pair, "ours")
    assert pair.status("ours", "d") == "running"

"""What the original runc 1.3 and ours say while a container runs: events, pidfds, readiness, and the state file."""

import array
import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.compat.runc.beside import ONE_SIDE, SIDES, Pair

pytestmark = [pytest.mark.root, pytest.mark.peers]


def small(spec: dict[str, Any]) -> None:
    spec["linux"]["resources"]["memory"] = {"limit": 12 << 20, "swap": 12 << 20}


@pytest.mark.parametrize("side", ONE_SIDE)
def test_the_stream_of_events_ends_with_the_container(pair: Pair, side: str) -> None:
    pair.in_state("running", "c")
    argv = pair.argv(side, "events", "--interval", "50ms", "c")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as stream:
        assert stream.stdout is not None
        for _ in range(2):
            event = json.loads(stream.stdout.readline())
            assert (event["type"], event["id"]) == ("stats", "c")
            assert event["data"]["pids"]["current"] == 1
        pair.run(side, "delete", "--force", "c")
        rest = [json.loads(line) for line in stream.stdout]
        assert all(event["type"] == "stats" for event in rest)
    assert stream.returncode == 0


@pytest.mark.parametrize("side", ONE_SIDE)
def test_a_lack_of_memory_is_an_event(pair: Pair, side: str) -> None:
    pair.created("c", "sh", "-c", "tail /dev/zero; exec sleep 1000", change=small)
    argv = pair.argv(side, "events", "--interval", "1h", "c")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as stream:
        assert stream.stdout is not None
        pair.wait_for_listener(stream.pid)
        pair.run(side, "start", "c")
        assert json.loads(stream.stdout.readline()) == {"type": "oom", "id": "c"}
        pair.run(side, "delete", "--force", "c")
        stream.stdout.read()
    assert stream.returncode == 0


def listener(pair: Pair, side: str, kind: socket.SocketKind) -> tuple[socket.socket, str]:
    path = pair.folder / side / "socket"
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, kind)
    server.bind(str(path))
    server.settimeout(30)
    if kind == socket.SOCK_STREAM:
        server.listen()
    return server, str(path)


def received(connection: socket.socket) -> tuple[bytes, list[int]]:
    message, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(16))
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return message, list(descriptors)


@pytest.mark.parametrize("side", ONE_SIDE)
def test_a_pidfd_comes_over_its_socket(pair: Pair, side: str, tmp_path: Path) -> None:
    name = pair.bundle("sleep", "1000")
    commands = {
        b"standard": ["create", "-b", f"{{side}}/{name}", "--pid-file", "{side}/pid", "c"],
        b"setns": ["exec", "-d", "--pid-file", "{side}/pid", "c", "sleep", "1000"],
    }
    for kind, (verb, *words) in commands.items():
        server, path = listener(pair, side, socket.SOCK_STREAM)
        with server:
            assert pair.run(side, verb, "--pidfd-socket", path, *words).status == 0
            connection, _ = server.accept()
            message, (descriptor,) = received(connection)
            connection.close()
        assert message == kind
        pid = (pair.folder / side / "pid").read_text()
        try:
            assert re.search(rf"^Pid:\t{pid}$", Path(f"/proc/self/fdinfo/{descriptor}").read_text(), re.MULTILINE)
        finally:
            os.close(descriptor)


READY = """
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"STATUS=soon")
s.send(b"READY=1\\nSTATUS=here")
time.sleep(1000)
"""


def with_python(pair: Pair) -> str:
    """A bundle whose root file system shows the tree's /usr; its program says that it is ready."""

    def change(spec: dict[str, Any]) -> None:
        spec["mounts"].append({"destination": "/usr", "source": "/usr", "type": "none", "options": ["rbind", "ro"]})

    name = pair.bundle("/usr/bin/python3", "-c", READY, change=change)
    for side in SIDES:
        for folder in ("lib", "lib64"):
            (pair.folder / side / name / "rootfs" / folder).symlink_to(f"usr/{folder}")
    return f"{{side}}/{name}"


def hear_readiness(server: socket.socket) -> bytes:
    """Answer as a service manager does: close what comes with the barrier. The main pid."""
    assert server.recv(4096) == b"READY=1\n"
    main = server.recv(4096)
    message, descriptors = received(server)
    assert message == b"BARRIER=1"
    for descriptor in descriptors:
        os.close(descriptor)
    return main


@pytest.mark.parametrize("side", ONE_SIDE)
def test_readiness_is_handed_on_by_start_and_run(pair: Pair, side: str) -> None:
    bundles = [with_python(pair) for _ in "cde"]
    server, path = listener(pair, side, socket.SOCK_DGRAM)
    environment = os.environ | {"NOTIFY_SOCKET": path}
    with server:
        assert pair.run(side, "create", "-b", bundles[0], "c", env=environment).status == 0
        for argv in (pair.argv(side, "start", "c"), pair.argv(side, "run", "-d", "-b", bundles[1], "d")):
            with subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as done:
                main = hear_readiness(server)
            assert done.returncode == 0
            assert main == b"MAINPID=%d\n" % pair.state(side, argv[-1])["pid"]
        assert pair.run(side, "create", "-b", bundles[2], "e", env=environment).status == 0
    assert [pair.run(side, "delete", "--force", container).status for container in "cde"] == [0, 0, 0]
    assert not [entry for entry in (pair.folder / side / "root").iterdir() if entry.name[0] != "."]


def test_a_container_that_ends_without_a_word_ends_the_wait(pair: Pair) -> None:
    """(The original waits for good: its init is a zombie child of its own.)"""
    name = pair.bundle("true")
    server, path = listener(pair, "ours", socket.SOCK_DGRAM)
    with server:
        done = pair.run("ours", "run", "-d", "-b", f"{{side}}/{name}", "c", env=os.environ | {"NOTIFY_SOCKET": path})
    assert done.status == 0


def test_the_state_file_has_what_others_read(pair: Pair) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["annotations"] = {"a": "b"}

    pair.created("c", "sleep", "1000", change=change)
    documents = {}
    for side in SIDES:
        text = (pair.folder / side / "root/c/state.json").read_text()
        pid = pair.state(side, "c")["pid"]
        text = text.replace(f"/proc/{pid}/", "/proc/PID/").replace(f"/{side}/", "/SIDE/")
        documents[side] = json.loads(text)
    theirs, ours = documents["orig"], documents["ours"]
    for key in ("id", "cgroup_paths", "namespace_paths", "rootless"):
        assert ours[key] == theirs[key], key
    for key in ("init_process_pid", "init_process_start", "created"):
        assert type(ours[key]) is type(theirs[key])
    for key in ("rootfs", "version", "no_new_keyring"):
        assert ours["config"][key] == theirs["config"][key]
    assert sorted(ours["config"]["labels"]) == sorted(theirs["config"]["labels"])
    kinds = [sorted(item["type"] for item in document["config"]["namespaces"]) for document in (theirs, ours)]
    assert kinds[0] == kinds[1]
    for side in SIDES:
        pair.run(side, "exec", "c", "true")
        assert pair.run(side, "delete", "-f", "c").status == 0

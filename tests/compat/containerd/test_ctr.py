"""The originals' `ctr` (containerd 1.7 and 2.1) drives our containerd, our shim and our runc."""

import hashlib
import os
import re
import signal
import uuid
from pathlib import Path

import pytest

from tests.compat.containerd.ctr import Ctr, row
from tests.integration.containerd.daemon import OurContainerd
from tests.support import images, peers, processes
from tests.support.registry import ADDRESS
from tests.support.waiting import wait_until

BLOB = b"a blob of ours\n"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
IMAGE = "docker.io/library/busybox:latest"


def test_version_and_plugins(ctr: Ctr) -> None:
    assert re.search(r"Server:\n +Version: +\S+", ctr("version"))
    assert row(ctr("plugins", "ls"), "io.containerd.runtime.v2")[-1] == "ok"


def test_namespaces(ctr: Ctr) -> None:
    ctr("namespaces", "create", "other", "a=b")
    assert row(ctr("namespaces", "ls"), "other") == ["other", "a=b"]
    ctr("namespaces", "label", "other", "a=c")
    assert row(ctr("namespaces", "ls"), "other") == ["other", "a=c"]
    ctr("namespaces", "rm", "other")
    assert not row(ctr("namespaces", "ls"), "other")


def test_content(ctr: Ctr, shared: OurContainerd) -> None:
    ctr("content", "ingest", "--expected-digest", DIGEST, "--expected-size", str(len(BLOB)), "ref", stdin=BLOB)
    assert ctr("content", "get", DIGEST) == BLOB.decode()
    ctr("content", "label", DIGEST, "x=y")
    assert row(ctr("content", "ls"), DIGEST)[-1] == "x=y"
    ref = f"broken-{uuid.uuid4().hex}"  # it stays, as an ingest that may be resumed
    wrong = shared.ctr("content", "ingest", "--expected-digest", "sha256:" + "0" * 64, ref, stdin=b"x", check=False)
    assert b"unexpected commit digest" in wrong.stderr
    assert ref in ctr("content", "active")
    ctr("content", "rm", DIGEST)
    assert not row(ctr("content", "ls"), DIGEST)


def test_leases(ctr: Ctr) -> None:
    ctr("leases", "create", "--id", "kept", "a=b")
    assert row(ctr("leases", "ls"), "kept")
    ctr("leases", "rm", "kept")
    assert not row(ctr("leases", "ls"), "kept")


def test_a_task_from_start_to_end(ctr: Ctr, shared: OurContainerd, root_folder: Path) -> None:
    ctr("run", "--rootfs", "-d", root_folder, "c", "/bin/sleep", "1000")
    _, pid, status = row(ctr("task", "ls"), "c")
    assert status == "RUNNING"
    assert b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    parent = Path(f"/proc/{pid}/stat").read_text().split()[3]
    command = Path(f"/proc/{parent}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode().rstrip()
    assert command == f"containerd-shim-runc-v2 -namespace {shared.namespace} -id c -address {shared.address}"
    assert row(ctr("container", "ls"), "c")[2] == "io.containerd.runc.v2"
    assert row(ctr("task", "ps", "c"), pid)
    assert ctr("task", "exec", "--exec-id", "e", "c", "/bin/echo", "inside") == "inside\n"
    ctr("task", "pause", "c")
    assert row(ctr("task", "ls"), "c") == ["c", pid, "PAUSED"]
    ctr("task", "resume", "c")
    assert row(ctr("task", "ls"), "c") == ["c", pid, "RUNNING"]
    assert "pids.current" in ctr("task", "metrics", "c")
    os.kill(int(pid), signal.SIGKILL)
    wait_until(lambda: row(ctr("task", "ls"), "c") == ["c", pid, "STOPPED"], "the task to be stopped")
    removed = shared.ctr("task", "rm", "c", check=False)
    assert b"137" in removed.stderr
    ctr("container", "rm", "c")
    assert not row(ctr("container", "ls"), "c")


def test_output_and_status_come_through(ctr: Ctr, shared: OurContainerd, root_folder: Path) -> None:
    program = "echo out; echo err >&2; exit 42"
    done = shared.ctr("run", "--rootfs", "--rm", root_folder, "c", "/bin/sh", "-c", program, check=False)
    assert (done.stdout, done.returncode) == (b"out\n", 42)
    assert b"err\n" in done.stderr
    assert ctr("task", "ls", "-q") == ""
    assert ctr("container", "ls", "-q") == ""


def test_what_cannot_be_run_is_refused_and_leaves_nothing(shared: OurContainerd, root_folder: Path) -> None:
    done = shared.ctr("run", "--rootfs", "--rm", root_folder, "c", "/no/such/program", check=False)
    assert done.returncode != 0
    assert b"/no/such/program" in done.stderr
    assert shared.ctr("task", "ls", "-q").stdout == b""
    refused = shared.ctr("run", "--runtime", "io.containerd.none.v9", "--rootfs", root_folder, "d", "x", check=False)
    assert b"containerd-shim-none-v9" in refused.stderr
    shared.ctr("container", "rm", "d", check=False)
    bundles = shared.folder / "state/io.containerd.runtime.v2.task" / shared.namespace
    assert not list(bundles.iterdir())


@pytest.mark.parametrize("suite", sorted(peers.SUITES))
def test_the_originals_shims_run_under_us(shared: OurContainerd, root_folder: Path, suite: str) -> None:
    """The shim of 2.1 speaks version 3 of the task API, that of 1.7 version 2; both log to a fifo that we must read."""
    shim = peers.install(suite) / "usr/bin/containerd-shim-runc-v2"
    program = "echo out; exit 7"
    name = f"theirs-{suite}"
    done = shared.ctr(
        "run", "--rootfs", "--rm", "--runtime", shim, root_folder, name, "/bin/sh", "-c", program, check=False
    )
    assert (done.stdout, done.returncode) == (b"out\n", 7), done.stderr
    assert shared.ctr("task", "ls", "-q").stdout == b""
    wait_until(lambda: not [p for p in processes.every() if f"-id {name} " in p.command], "their shim to end")


def test_an_image_is_imported_run_and_collected(ctr: Ctr, shared: OurContainerd) -> None:
    ctr("images", "import", images.busybox())
    assert IMAGE in ctr("images", "ls", "-q").split()
    assert ctr("run", "--rm", IMAGE, "i", "echo", "from the image") == "from the image\n"
    ctr("images", "rm", "--sync", IMAGE)
    assert ctr("content", "ls", "-q") == ""
    assert len(ctr("snapshots", "ls").splitlines()) == 1
    blobs = shared.folder / "root/io.containerd.content.v1.content/blobs/sha256"
    assert not list(blobs.iterdir())


# 2.1's `ctr` asks the transfer and the streaming service; with --local, as 1.7's always, it moves the bytes itself.
@pytest.mark.parametrize("how", [["--plain-http"], ["--local", "--plain-http"], []])
def test_an_image_is_pushed_pulled_and_run(ctr: Ctr, registry: None, how: list[str]) -> None:
    name = f"{ADDRESS}/busybox:pulled"
    ctr("images", "import", images.busybox())
    ctr("images", "tag", IMAGE, name)
    ctr("images", "push", "--local", "--plain-http", name)
    ctr("images", "rm", "--sync", name, IMAGE)
    assert ctr("content", "ls", "-q") == ""
    ctr("images", "pull", *how, name)
    assert row(ctr("images", "ls"), name)
    assert ctr("run", "--rm", name, "p", "echo", "from afar") == "from afar\n"
    ctr("images", "rm", "--sync", name)
    assert ctr("content", "ls", "-q") == ""


def test_what_a_registry_does_not_have_is_not_found(shared: OurContainerd, registry: None) -> None:
    refused = shared.ctr("images", "pull", "--plain-http", f"{ADDRESS}/none:1", check=False)
    assert refused.returncode == 1
    assert refused.stderr.decode().endswith(f"{ADDRESS}/none:1: not found\n")


@pytest.mark.parametrize("suite", sorted(peers.SUITES))
def test_events_are_told(shared: OurContainerd, root_folder: Path, suite: str) -> None:
    log = shared.folder / f"events-{suite}.log"
    program = str(peers.install(suite) / "usr/bin/ctr")
    with open(log, "wb") as out:
        watcher = shared.sandbox.popen([program, "--address", shared.address, "events"], stdout=out)
    try:
        # The subscription has begun when an event of a namespace made for it arrives.
        names = iter(range(1000))
        wait_until(
            lambda: shared.ctr("namespaces", "create", f"n{next(names)}") and log.stat().st_size, "the first event"
        )
        shared.ctr("run", "--rootfs", "--rm", root_folder, "ev", "/bin/true")
        wait_until(lambda: "/containers/delete" in log.read_text(), "the last event")
    finally:
        watcher.kill()
        watcher.wait()
    told = [
        topic for line in log.read_text().splitlines() for topic in re.findall(r" (/(?:tasks|containers)/\S+)", line)
    ]
    assert told[0] == "/containers/create"
    assert {"/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"} <= set(told)
    assert told.index("/tasks/create") < told.index("/tasks/start")
    for name in shared.ctr("namespaces", "ls", "-q").stdout.split():
        if name.startswith(b"n"):
            shared.ctr("namespaces", "rm", name.decode())

"""Sandboxes on our containerd with our shim: what holds them, what is in them, and what is left after any end."""

import os
import signal
from pathlib import Path

import pytest

from slipway.base.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)
from tests.integration.containerd.daemon import OurContainerd
from tests.support import processes
from tests.support.sandbox_api import SandboxApi, described
from tests.support.waiting import wait_until

READY, NOT_READY = "SANDBOX_READY", "SANDBOX_NOTREADY"


def api_of(daemon: OurContainerd) -> SandboxApi:
    return SandboxApi(daemon.address, daemon.namespace)


def shims_of(daemon: OurContainerd) -> list[processes.Process]:
    return [p for p in processes.mentioning(f"-namespace {daemon.namespace} ") if "containerd-shim" in p.command]


def tasks_of(daemon: OurContainerd) -> dict[str, str]:
    """Status by id."""
    lines = daemon.ctr("task", "ls").stdout.decode().splitlines()[1:]
    return {line.split()[0]: line.split()[2] for line in lines}


def pid_of(daemon: OurContainerd, task: str) -> int:
    lines = daemon.ctr("task", "ls").stdout.decode().splitlines()[1:]
    return next(int(line.split()[1]) for line in lines if line.split()[0] == task)


def start_in(daemon: OurContainerd, root: Path, name: str, sandbox: str, *program: str) -> None:
    daemon.ctr("container", "create", "--rootfs", root, name, *(program or ("/bin/sleep", "1000")))
    api_of(daemon).put_into(name, sandbox)
    daemon.ctr("task", "start", "-d", name)


def bundles_of(daemon: OurContainerd) -> list[str]:
    kinds = ("io.containerd.sandbox.controller.v1.shim", "io.containerd.runtime.v2.task")
    folders = [daemon.folder / place / kind / daemon.namespace for place in ("state", "root") for kind in kinds]
    return [name for folder in folders if folder.exists() for name in os.listdir(folder)]


def assert_nothing_left(daemon: OurContainerd) -> None:
    wait_until(lambda: not shims_of(daemon), "the shims to end")
    wait_until(lambda: not bundles_of(daemon), "the bundles to go")
    assert not list(Path(f"{daemon.folder}/state/s").glob("*")), "sockets are left"


def test_two_containers_live_in_one_shim(fresh: OurContainerd, root_folder: Path) -> None:
    api = api_of(fresh)
    api.create("box")
    assert api.controller("status", "box").state == NOT_READY
    started = api.controller("start", "box")
    assert started.address.startswith("ttrpc+unix:///")
    assert started.version == 3
    status = api.controller("status", "box", verbose=True)
    assert (status.sandbox_id, status.state, status.address) == ("box", READY, started.address)
    assert status.created_at == started.created_at
    platform = api.controller("platform", "box").platform
    assert (platform.os, bool(platform.architecture)) == ("linux", True)
    api.controller("metrics", "box")
    api.controller("update", "box", sandbox=described("box"))
    shims = {p.pid for p in shims_of(fresh)}
    for name in ("one", "two"):
        start_in(fresh, root_folder, name, "box")
    assert {p.pid for p in shims_of(fresh)} == shims
    for name in ("one", "two"):
        parent = processes.read(pid_of(fresh, name))
        assert parent is not None
        assert parent.parent in shims
    assert fresh.ctr("task", "exec", "--exec-id", "e", "two", "/bin/echo", "inside").stdout == b"inside\n"
    fresh.ctr("task", "kill", "-s", "KILL", "one")
    wait_until(lambda: tasks_of(fresh)["one"] == "STOPPED", "the first to stop")
    assert b"137" in fresh.ctr("task", "rm", "one", check=False).stderr
    fresh.ctr("container", "rm", "one")
    assert tasks_of(fresh) == {"two": "RUNNING"}
    start_in(fresh, root_folder, "three", "box", "/bin/sh", "-c", "exit 7")
    wait_until(lambda: tasks_of(fresh)["three"] == "STOPPED", "the third to end")
    assert b"exit code 7" in fresh.ctr("task", "rm", "three", check=False).stderr
    with pytest.raises(FailedPrecondition, match="it still has two"):
        api.controller("shutdown", "box")
    with api.waiting("box") as wait:
        assert not wait.is_over()
        api.controller("stop", "box")
        assert wait.result().exit_status == 0
    assert api.controller("status", "box").state == NOT_READY
    assert tasks_of(fresh) == {"two": "STOPPED"}
    fresh.ctr("task", "rm", "two", check=False)
    api.controller("shutdown", "box")
    assert_nothing_left(fresh)
    api.store("delete", sandbox_id="box")


def test_a_record_changes_by_its_fields(shared: OurContainerd) -> None:
    api = api_of(shared)
    api.store("create", sandbox=described("kept"))
    changed = described("kept")
    changed.labels.update({"a": "b", "c": "d"})
    assert dict(api.store("update", sandbox=changed, fields=["labels.a"]).sandbox.labels) == {"a": "b"}
    assert dict(api.store("get", sandbox_id="kept").sandbox.labels) == {"a": "b"}
    api.store("delete", sandbox_id="kept")
    with pytest.raises(NotFound):
        api.store("update", sandbox=changed, fields=["labels.a"])


def test_all_of_it_survives_the_daemon(fresh: OurContainerd, root_folder: Path) -> None:
    api = api_of(fresh)
    api.create("box")
    api.controller("start", "box")
    start_in(fresh, root_folder, "one", "box")
    before = pid_of(fresh, "one")
    fresh.kill()
    fresh.start()
    assert api.controller("status", "box").state == READY
    assert tasks_of(fresh) == {"one": "RUNNING"}
    assert pid_of(fresh, "one") == before
    assert fresh.ctr("task", "exec", "--exec-id", "e", "one", "/bin/echo", "still here").stdout == b"still here\n"
    start_in(fresh, root_folder, "two", "box")
    fresh.kill()
    os.kill(before, signal.SIGKILL)
    fresh.start()
    assert tasks_of(fresh) == {"one": "STOPPED", "two": "RUNNING"}
    assert b"137" in fresh.ctr("task", "rm", "one", check=False).stderr
    with api.waiting("box") as wait:
        api.controller("stop", "box", timeout_secs=5)
        wait.result()
    fresh.ctr("task", "rm", "two", check=False)
    api.controller("shutdown", "box")
    assert_nothing_left(fresh)


@pytest.mark.parametrize("daemon_dies_too", [False, pytest.param(True, marks=pytest.mark.matrix)])
def test_a_shim_that_is_killed_takes_all_with_it_and_nothing_stays(
    fresh: OurContainerd, root_folder: Path, daemon_dies_too: bool
) -> None:
    api = api_of(fresh)
    api.create("box")
    api.controller("start", "box")
    for name in ("one", "two"):
        start_in(fresh, root_folder, name, "box")
    pids = [pid_of(fresh, name) for name in ("one", "two")]
    if daemon_dies_too:
        fresh.kill()
        processes.end(shims_of(fresh))
        fresh.start()
    else:
        with api.waiting("box") as wait:
            processes.end(shims_of(fresh))
            assert wait.result().exit_status == 255
    wait_until(lambda: not tasks_of(fresh), "the tasks to go")
    for pid in pids:
        wait_until(lambda pid=pid: processes.read(pid) is None, "the containers to be killed")
    assert api.controller("status", "box").state == ""
    assert_nothing_left(fresh)
    api.controller("create", "box", sandbox=described("box"))  # the same again
    start_in_again = fresh.ctr("task", "start", "-d", "one")
    assert start_in_again.returncode == 0
    api.controller("stop", "box")
    fresh.ctr("task", "rm", "one", check=False)
    api.controller("shutdown", "box")
    assert_nothing_left(fresh)


def test_what_cannot_be_is_one_clear_sentence(shared: OurContainerd, root_folder: Path) -> None:
    api = api_of(shared)
    with pytest.raises(InvalidArgument, match="controller name can not be empty"):
        api.controller("start", "box", sandboxer="")
    with pytest.raises(NotFound, match="sandbox controller 'podsandbox'"):
        api.controller("create", "box", sandboxer="podsandbox", sandbox=described("box"))
    for verb in ("start", "platform", "wait", "shutdown", "metrics"):
        with pytest.raises(NotFound, match="sandbox none"):
            api.controller(verb, "none")
    api.controller("stop", "none")
    assert api.controller("status", "none").exited_at.seconds > 0
    with pytest.raises(InvalidArgument, match="no runtime"):
        api.controller("create", "box")
    with pytest.raises(InvalidArgument, match="the request says other"):
        api.controller("create", "box", sandbox=described("other"))
    with pytest.raises(InvalidArgument, match="there is no sandbox in the request"):
        api.controller("update", "box")
    with pytest.raises(InvalidArgument, match="containerd-shim-none-v9"):
        api.controller("create", "box", sandbox=described("box", "io.containerd.none.v9"))
    api.create("box")
    with pytest.raises(AlreadyExists, match="already running"):
        api.controller("create", "box", sandbox=described("box"))
    api.controller("shutdown", "box")
    shared.ctr("container", "create", "--rootfs", root_folder, "lost", "/bin/true")
    api.put_into("lost", "box")
    refused = shared.ctr("task", "start", "-d", "lost", check=False)
    assert b"find the shim of sandbox box: it does not run" in refused.stderr
    api.store("delete", sandbox_id="box")
    shared.ctr("task", "start", "lost")  # as one from before there were sandboxes: in a shim of its own
    shared.ctr("container", "rm", "lost")
    assert_nothing_left(shared)


@pytest.mark.matrix
def test_a_creation_that_the_daemon_did_not_live_to_see_leaves_no_shim(fresh: OurContainerd) -> None:
    """The bundle and its shim are there, and the shim knows of no sandbox yet."""
    api = api_of(fresh)
    api.create("box")
    bundle = fresh.folder / "state/io.containerd.sandbox.controller.v1.shim" / fresh.namespace / "box"
    other = bundle.with_name("half")
    fresh.ctr("namespaces", "ls")
    fresh.kill()
    other.mkdir(mode=0o700)
    (other / "rootfs").mkdir()
    (other / "config.json").write_text("{}")
    fresh.start()
    assert not other.exists()
    assert api.controller("status", "box").state == NOT_READY
    api.controller("shutdown", "box")
    assert_nothing_left(fresh)

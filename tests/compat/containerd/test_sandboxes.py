"""`ctr sandboxes` and the sandbox service: the originals' commands on both, and each other's shims beneath us."""

import re
from pathlib import Path

import pytest

from slipway.base.errors import NotImplementedByEngine
from tests.compat.containerd.beside import Contestant, original, ours
from tests.integration.containerd.daemon import OurContainerd
from tests.support import peers, processes
from tests.support.peers import OriginalContainerd
from tests.support.sandbox_api import SandboxApi, described
from tests.support.waiting import wait_until

CREATED = re.compile(r"\d{4}-\d\d-\d\d \S+ \S+ UTC")
# `run` asks for a controller without a name, and 1.7's controller for a sandbox that nobody has created: so it fails on
# the originals, too, and leaves the record.
SESSION = (
    ("ls",),
    ("run", "{pod}", "box"),
    ("ls",),
    ("run", "{pod}", "box"),
    ("ls", "--filters", "id==box"),
    ("ls", "--filters", "id==other"),
    ("ls", "--filters", "id=="),
    ("rm", "box"),
    ("rm", "none"),
    ("ls",),
)


def play(contestant: Contestant) -> list[tuple[tuple[str, ...], int, str, bool]]:
    """Each command with its exit status, its output, and whether it had something to complain of."""
    pod = contestant.folder / "pod.json"
    pod.write_text('{"ociVersion":"1.0.2"}')
    told = []
    for words in SESSION:
        done = contestant.run("sandboxes", *(word.format(pod=pod) for word in words))
        shown = re.sub(r"\s+\n", "\n", re.sub(r"[ \t]+", " ", CREATED.sub("DATE", done.stdout)))
        told.append((words, done.returncode, shown, bool(done.stderr)))
    return told


def test_the_originals_sandbox_commands(original_daemon: OriginalContainerd, shared: OurContainerd) -> None:
    mine = ours(shared, original_daemon.suite)
    assert play(mine) == play(original(original_daemon))
    SandboxApi(mine.address, mine.namespace).store("delete", sandbox_id="box")
    assert not list(Path(f"{shared.folder}/state/io.containerd.sandbox.controller.v1.shim").glob("*/*"))


def test_the_command_of_2_1_removes_by_force(shared: OurContainerd, sid: str) -> None:
    mine = ours(shared, sid)
    SandboxApi(mine.address, mine.namespace).store("create", sandbox=described("box", sandboxer=""))
    assert "box" in mine.ctr("sandboxes", "ls")
    mine.run("sandboxes", "rm", "--force", "box")
    assert "box" not in mine.ctr("sandboxes", "ls")


def test_the_command_of_2_1_removes_one_that_runs(shared: OurContainerd, sid: str) -> None:
    mine = ours(shared, sid)
    api = SandboxApi(mine.address, mine.namespace)
    api.create("box")
    api.controller("start", "box")
    assert "deleted: box" in mine.run("sandboxes", "rm", "box").stderr
    assert "box" not in mine.ctr("sandboxes", "ls")
    wait_until(lambda: not shims_of("box"), "the shim to end")


def shims_of(sandbox: str) -> list[processes.Process]:
    return [p for p in processes.mentioning(f"-id {sandbox} ") if "containerd-shim" in p.command]


def test_the_shim_of_1_7_holds_a_sandbox_under_us(shared: OurContainerd, root_folder: Path, trixie: str) -> None:
    """It ends at Stop; a container of its sandbox gets a shim of its own, as under the original 2.1."""
    shim = str(peers.PEERS_HOME / trixie / "usr/bin/containerd-shim-runc-v2")
    api = SandboxApi(shared.address, shared.namespace)
    api.create("theirs", shim)
    assert api.controller("start", "theirs").version == 2
    assert api.controller("platform", "theirs").platform.os == "linux"
    shared.ctr("container", "create", "--rootfs", "--runtime", shim, root_folder, "one", "/bin/sleep", "1000")
    api.put_into("one", "theirs")
    shared.ctr("task", "start", "-d", "one")
    assert len(shims_of("theirs")) == len(shims_of("one")) == 1
    api.controller("stop", "theirs")
    wait_until(lambda: not shims_of("theirs"), "the shim to end")
    wait_until(lambda: api.controller("status", "theirs").state == "", "the sandbox to be gone")
    shared.ctr("task", "rm", "-f", "one", check=False)
    shared.ctr("container", "rm", "one")
    api.store("delete", sandbox_id="theirs")


def test_the_shim_of_2_1_has_no_sandboxes_and_is_not_left(shared: OurContainerd, sid: str) -> None:
    shim = str(peers.PEERS_HOME / sid / "usr/bin/containerd-shim-runc-v2")
    api = SandboxApi(shared.address, shared.namespace)
    with pytest.raises(NotImplementedByEngine, match="has no sandboxes"):
        api.controller("create", "none", sandbox=described("none", shim))
    wait_until(lambda: not shims_of("none"), "the shim to end")
    assert not list(Path(f"{shared.folder}/state/io.containerd.sandbox.controller.v1.shim").glob("*/none"))

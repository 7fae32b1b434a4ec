"""`ps aux | grep ID` shows what people know: the shim, as the container's parent. The wire beneath is real."""

import pytest

from tests.support import docker, processes
from tests.support.engine import OurEngine

pytestmark = pytest.mark.by_path


@pytest.fixture
def client(ours: OurEngine) -> docker.Docker:
    return docker.theirs(ours.host)


def test_the_shim_is_the_container_s_parent(ours: OurEngine, client: docker.Docker) -> None:
    container = client("run", "-d", "--rm", "--network", "none", "busybox", "sleep", "60")
    try:
        init = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", container)))
        assert init is not None
        assert init.command == "sleep 60"
        shim = processes.read(init.parent)
        assert shim is not None
        program, *arguments = shim.command.split()
        assert program.rpartition("/")[2] == "containerd-shim-runc-v2"
        assert arguments == ["-namespace", "moby", "-id", container, "-address", ours.containerd_address]
    finally:
        client("rm", "-f", container)


def test_nothing_of_it_is_left(ours: OurEngine, client: docker.Docker) -> None:
    container = client("run", "-d", "busybox", "sleep", "60")
    assert processes.mentioning(container)
    client("rm", "-f", container)
    assert not processes.mentioning(container)
    assert container not in ours.sandbox.run("cat", "/proc/self/mountinfo").stdout
    left = ours.sandbox.run("find", str(ours.folder), "-name", f"*{container}*").stdout
    assert left == ""


def test_it_is_forked_from_the_template_unless_called_by_path(
    ours: OurEngine, client: docker.Docker, request: pytest.FixtureRequest
) -> None:
    container = client("run", "-d", "--rm", "--network", "none", "busybox", "sleep", "60")
    try:
        init = processes.read(int(client("inspect", "-f", "{{.State.Pid}}", container)))
        assert init is not None
        template = f"containerd-shim-template -address {ours.containerd_address}"
        is_forked = any(process.command.startswith(template) for process in ancestors(init))
        assert is_forked is not request.config.getoption("--by-path")
    finally:
        client("rm", "-f", container)


def ancestors(process: processes.Process) -> list[processes.Process]:
    """Its parent, that one's parent, and so on below process 1, or up to one whose parent is in no namespace of ours.

    In a container's first second there are two shims; asked again when one of them goes meanwhile.
    """
    found: list[processes.Process] = []
    one = processes.read(process.parent)
    while one is not None and one.pid != 1:
        found.append(one)
        if one.parent == 0:
            return found
        one = processes.read(one.parent)
    if one is not None:
        return found
    again = processes.read(process.pid)
    assert again is not None
    return ancestors(again)

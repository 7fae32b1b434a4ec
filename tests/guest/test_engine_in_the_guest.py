"""The engine on cgroup v2 with systemd and AppArmor: what this machine may not have. Runs in the guest of tools/vm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, images
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until
from tests.system import ask

pytestmark = pytest.mark.vm

ADDRESS = "{{.NetworkSettings.Networks.bridge.IPAddress}}"


@pytest.fixture(scope="module")
def engine(short_folder: Path) -> Iterator[OurEngine]:
    engine = OurEngine(short_folder / "ours")
    try:
        yield engine.start(seconds=60)
    finally:
        engine.close()


@pytest.fixture(scope="module")
def client(engine: OurEngine) -> docker.Docker:
    client = docker.ours(engine.host)
    client("load", "-i", str(images.busybox()), timeout=300)
    return client


def test_the_guest_is_what_it_is_for() -> None:
    assert Path("/sys/fs/cgroup/cgroup.controllers").exists()
    assert Path("/sys/module/apparmor/parameters/enabled").read_text() == "Y\n"
    assert Path("/run/systemd/system").is_dir()


def test_info_tells_of_them(client: docker.Docker) -> None:
    assert client("info", "-f", "{{.CgroupVersion}}", timeout=300) == "2"
    assert "apparmor" in client("info", "-f", "{{.SecurityOptions}}", timeout=300)


def test_a_container_is_confined_by_docker_default(client: docker.Docker) -> None:
    said = client("run", "--rm", "busybox", "cat", "/proc/self/attr/current", timeout=300)
    assert said == "docker-default (enforce)"
    said = client("run", "--rm", "--privileged", "busybox", "cat", "/proc/self/attr/current", timeout=300)
    assert said == "unconfined"


def test_limits_are_in_cgroup_v2_s_files(client: docker.Docker) -> None:
    limits = ("-m", "64m", "--cpus", "0.5", "--pids-limit", "42")
    show = "cd /sys/fs/cgroup; cat memory.max cpu.max pids.max"
    said = client("run", "--rm", *limits, "busybox", "sh", "-c", show, timeout=300)
    assert said.split("\n") == ["67108864", "50000 100000", "42"]


def test_devices_are_refused_by_a_program_of_the_kernel(client: docker.Docker) -> None:
    script = "mknod /d c 1 1; (: </d) || echo refused; (: </dev/null) && echo allowed"
    assert client("run", "--rm", "busybox", "sh", "-c", script, timeout=300) == "refused\nallowed"


def test_a_published_port_answers(client: docker.Docker, engine: OurEngine) -> None:
    client("run", "-d", "--name", "web", "-p", "18080:80", "busybox", "httpd", "-f", "-h", "/etc", timeout=300)
    wait_until(lambda: "root:" in ask.http(engine.enter, "http://127.0.0.1:18080/passwd"), "an answer")
    client("rm", "-f", "web", timeout=300)

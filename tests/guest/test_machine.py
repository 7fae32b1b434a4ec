"""What the guest is for, and what `docker info` says of it."""

from pathlib import Path

import pytest

from tests.guest.client import Client
from tests.support import processes
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until
from tests.system import ask

pytestmark = pytest.mark.vm


def test_the_guest_is_what_it_is_for() -> None:
    assert Path("/sys/fs/cgroup/cgroup.controllers").exists()
    assert Path("/sys/module/apparmor/parameters/enabled").read_text() == "Y\n"
    assert Path("/run/systemd/system").is_dir()


def test_info_tells_of_it(client: Client) -> None:
    said = client("info", "-f", "{{.CgroupVersion}} {{.CgroupDriver}} {{.SecurityOptions}}")
    assert said == "2 cgroupfs [name=apparmor name=seccomp,profile=builtin name=cgroupns]"


def test_a_published_port_answers(limited: str, engine: OurEngine) -> None:
    wait_until(lambda: "root:" in ask.http(engine.enter, "http://127.0.0.1:18080/passwd"), f"an answer of {limited}")


def test_nothing_is_left_of_a_short_run(client: Client) -> None:
    """Of a shim's two processes one waits for the other's end: kernels tell it of a number that is gone in two ways."""
    container = client("run", "-d", "busybox", "true")
    client("wait", container)
    client("rm", container)
    wait_until(lambda: not processes.mentioning(container), "the end of its processes", 30)

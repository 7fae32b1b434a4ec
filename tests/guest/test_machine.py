"""What the guest is for, and what `docker info` says of it."""

from pathlib import Path

import pytest

from tests.guest.client import Client
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

"""Health checks: asked by execs, shown by inspect and ps, told by events; the image's too, and by the next daemon."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import docker, images
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until
from tests.system.test_malformed_requests import send

SECONDS = 30.0
QUICK = ("--health-interval", "200ms", "--health-retries", "2")


def health(client: Docker, name: str = "box") -> Any:
    return json.loads(client("inspect", "-f", "{{json .State.Health}}", name))


def wait_for(client: Docker, status: str) -> Any:
    wait_until(lambda: health(client)["Status"] == status, f"a container that is {status}", SECONDS)
    return health(client)


def test_a_container_becomes_unhealthy_and_healthy(any_engine: Docker) -> None:
    since = f"{time.time():.9f}"
    any_engine(
        "run", "-d", "--name", "box", *QUICK, "--health-cmd", "echo asked; test -f /ok", "busybox", "sleep", "600"
    )
    found = wait_for(any_engine, "unhealthy")
    assert found["FailingStreak"] >= 2
    assert (found["Log"][-1]["ExitCode"], found["Log"][-1]["Output"]) == (1, "asked\n")
    assert any_engine("ps", "--format", "{{.Status}}").endswith("(unhealthy)")
    any_engine("exec", "box", "touch", "/ok")
    found = wait_for(any_engine, "healthy")
    assert (found["FailingStreak"], found["Log"][-1]["ExitCode"]) == (0, 0)
    assert any_engine("ps", "--format", "{{.Status}}").endswith("(healthy)")
    assert any_engine("ps", "-q", "--filter", "health=healthy")
    assert not any_engine("ps", "-q", "--filter", "health=unhealthy")
    told = any_engine(
        "events", "--since", since, "--until", f"{time.time():.9f}", "--format", "{{.Action}}"
    ).splitlines()
    assert [action for action in told if "health_status" in action] == [
        "health_status: unhealthy",
        "health_status: healthy",
    ]
    assert "exec_create: /bin/sh -c echo asked; test -f /ok" in told
    any_engine("stop", "-t", "0", "box")
    assert (health(any_engine)["Status"], health(any_engine)["FailingStreak"]) == ("unhealthy", 0)


def test_a_container_starts_without_an_opinion(any_engine: Docker) -> None:
    any_engine("run", "-d", "--name", "box", "--health-cmd", "true", "busybox", "sleep", "600")
    assert health(any_engine) == {"Status": "starting", "FailingStreak": 0, "Log": []}
    assert any_engine("ps", "--format", "{{.Status}}").endswith("(health: starting)")
    any_engine("pause", "box")
    assert any_engine("ps", "--format", "{{.Status}}").endswith("(Paused)")
    any_engine("unpause", "box")


def test_a_probe_that_takes_too_long_is_ended(any_engine: Docker) -> None:
    flags = (*QUICK, "--health-timeout", "500ms", "--health-cmd", "exec sleep 6000")
    any_engine("run", "-d", "--name", "box", *flags, "busybox", "sleep", "600")
    last = wait_for(any_engine, "unhealthy")["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (-1, "Health check exceeded timeout (500ms)")
    any_engine("update", "--restart", "no", "box")  # the container can still be worked with
    any_engine("rm", "-f", "box")


def test_failures_while_it_starts_do_not_count(any_engine: Docker) -> None:
    flags = ("--health-start-period", "10m", "--health-start-interval", "200ms", "--health-retries", "1")
    any_engine("run", "-d", "--name", "box", *flags, "--health-cmd", "exit 7", "busybox", "sleep", "600")
    wait_until(lambda: len(health(any_engine)["Log"]) >= 3, "three probes", SECONDS)
    assert (health(any_engine)["Status"], health(any_engine)["FailingStreak"]) == ("starting", 0)


def test_a_program_that_is_not_there_is_a_failure(any_engine: Docker) -> None:
    any_engine("run", "-d", "--name", "box", *QUICK, "--health-cmd", "nosuch", "busybox", "sleep", "600")
    assert wait_for(any_engine, "unhealthy")["Log"][-1]["ExitCode"] == 127


@pytest.mark.parametrize("flags", [(), ("--no-healthcheck",), ("--health-interval", "1s")])
def test_without_a_check_there_is_no_health(any_engine: Docker, flags: tuple[str, ...]) -> None:
    any_engine("run", "-d", "--name", "box", *flags, "busybox", "sleep", "600")
    assert health(any_engine) is None
    assert any_engine("ps", "-q", "--filter", "health=none")


def test_the_check_of_the_image_holds_unless_it_is_refused(
    any_engine: Docker, tmp_path: Path, busybox_archive: Path
) -> None:
    check = {"Test": ["CMD", "/asked"], "Interval": 200_000_000}
    image = images.make(
        tmp_path / "checked.tar", "checked:1", {"asked": "#!/bin/sh"}, {"Cmd": ["x"], "Healthcheck": check}
    )
    any_engine("load", "-i", str(image))
    any_engine("create", "--name", "box", "checked:1")
    asked = json.loads(any_engine("inspect", "-f", "{{json .Config.Healthcheck}}", "box"))
    assert asked == check
    any_engine("create", "--name", "box2", "--no-healthcheck", "checked:1")
    assert any_engine("inspect", "-f", "{{json .Config.Healthcheck.Test}}", "box2") == '["NONE"]'
    any_engine("rm", "box", "box2")
    any_engine("rmi", "checked:1")


def test_it_is_asked_again_after_the_daemon_s_death(fresh_engine: OurEngine, busybox_archive: Path) -> None:
    client = docker.ours(fresh_engine.host)
    client("load", "-i", str(busybox_archive))
    client("run", "-d", "--name", "box", *QUICK, "--health-cmd", "test -f /ok", "busybox", "sleep", "600")
    wait_for(client, "unhealthy")
    fresh_engine.kill()
    fresh_engine.start()
    client("exec", "box", "touch", "/ok")
    wait_for(client, "healthy")
    client.remove_all_containers()


def test_probes_that_take_too_long_do_not_pile_up(fresh_engine: OurEngine, busybox_archive: Path) -> None:
    """Each left a process, and its descriptors in dockerd: an image with such a check ended the engine in a minute."""
    client = docker.theirs(fresh_engine.host)
    client("load", "-i", str(busybox_archive))
    before = len(os.listdir(f"/proc/{fresh_engine.pid}/fd"))
    often = ("--health-interval", "1ms", "--health-timeout", "1ms", "--health-retries", "90")
    client("run", "-d", "--name", "box", *often, "--health-cmd", "exec sleep 6000", "busybox", "sleep", "600")
    wait_for(client, "unhealthy")
    assert len(client("top", "box").splitlines()) <= 3
    assert len(client("inspect", "-f", "{{range .ExecIDs}}{{println .}}{{end}}", "box").split()) <= 1
    client("rm", "-f", "box")
    wait_until(
        lambda: len(os.listdir(f"/proc/{fresh_engine.pid}/fd")) <= before + 12, "descriptors to be few again", 15
    )


def test_probes_that_cannot_be_started_are_forgotten(ours: OurEngine) -> None:
    """Unlike those that end, they were remembered as long as their container ran."""
    client, since = docker.theirs(ours.host), f"{time.time():.9f}"
    often = {"Test": ["CMD", "/nosuch"], "Interval": 10**6, "Retries": 90}
    body = json.dumps({"Image": "busybox", "Cmd": ["sleep", "600"], "Healthcheck": often}).encode()
    assert send(ours, "POST", "/v1.51/containers/create?name=box", "application/json", body)[0] == 201
    client("start", "box")
    wait_for(client, "unhealthy")
    told = client("events", "--since", since, "--until", f"{time.time():.9f}", "--format", "{{json .}}")
    events = [json.loads(line)["Actor"]["Attributes"] for line in told.splitlines()]
    first, *_, last = (found["execID"] for found in events if "execID" in found)
    assert [send(ours, "GET", f"/v1.51/exec/{one}/json")[0] for one in (first, last)] == [404, 200]
    client("rm", "-f", "box")

"""The whole stream of `docker events` of a few containers' lives, beside the original's."""

import re
import shlex
import time
from collections.abc import Sequence
from functools import cache

import pytest

from tests.support import docker, masks
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine

LIVES = {
    "a life with volumes": (
        "run -d --name box -v /anonymous -v events:/named:ro -l a=b busybox sleep 600",
        "top box",
        "rename box box2",
        "rename box2 box",
        "update -m 64m --memory-swap 128m box",
        "pause box",
        "unpause box",
        "kill -s CHLD box",
        "restart -t 0 box",
        "stop -t 0 box",
        "start box",
        "kill box",
        "wait box",
        "rm -v box",
        "volume rm events",
    ),
    "attached": ("run --rm --name box busybox true", "run --rm --name box -t busybox sh -c 'exit 4'"),
    "other networks": (
        "run --rm --network none --name box busybox true",
        "run --rm --network host --name box busybox true",
    ),
    "execs": (
        "run -d --name box busybox sleep 600",
        "exec box true",
        "exec box sh -c 'exit 3'",
        "exec box nosuch",
        "rm -f box",
    ),
    "a start that fails": ("run --name box -v /anonymous busybox nosuch", "rm -v box"),
    "an end by itself": ("run -d --name box busybox true", "wait box", "rm box"),
    "volumes": ("volume create events", "volume rm events", "volume create events", "volume prune -af"),
    "images": ("tag busybox events:1", "rmi events:1", "container prune -f"),
}
FORMAT = "{{.Type}} {{.Action}} {{.Actor.ID}} {{json .Actor.Attributes}}"


def events(client: Docker, commands: Sequence[str]) -> list[str]:
    """What the engine told while the commands ran, masked and sorted: the order of what happens at once is nobody's
    promise."""
    since = f"{time.time():.9f}"
    for command in commands:
        client.run(*shlex.split(command))
    told = client("events", "--since", since, "--until", f"{time.time():.9f}", "--format", FORMAT)
    return sorted(re.sub(r'"execDuration":"\d+"', '"execDuration":"N"', line) for line in masks.mask(told).splitlines())


@cache
def expected(life: str, host: str) -> tuple[str, ...]:
    return tuple(events(docker.theirs(host), LIVES[life]))


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("whose", ["our client", "Docker's client"])
def test_the_stream_is_the_original_s(ours: OurEngine, original: OriginalEngine, life: str, whose: str) -> None:
    client = docker.ours(ours.host) if whose == "our client" else docker.theirs(ours.host)
    assert events(client, LIVES[life]) == list(expected(life, original.host))


def test_a_container_is_created_before_it_starts_and_dies_after(ours: OurEngine) -> None:
    since = f"{time.time():.9f}"
    client = docker.ours(ours.host)
    client("run", "--rm", "--name", "box", "-v", "/x", "busybox", "true")
    told = client("events", "--since", since, "--until", f"{time.time():.9f}", "--format", "{{.Type}} {{.Action}}")
    wanted = "volume create, container create, container attach, volume mount, network connect, container start, "
    wanted += "network disconnect, volume unmount, container die, volume destroy, container destroy"
    assert told.splitlines() == wanted.split(", ")

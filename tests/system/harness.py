"""Scenarios: docker commands whose masked output and status must be the same on our engine as on the original."""

import difflib
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import docker, masks
from tests.support.docker import Docker, Result
from tests.support.waiting import wait_until
from tests.system import views


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command. `text` is its arguments as a shell would take them, without the word docker.

    `view` names a function of views.py that shows standard output before it is compared; `compare_errors` is off where
    the original's own wording holds what cannot be ours (a Go error, a path of its tree). `eventually`: asked again
    until this is the output, for what the original learns from an event that may come after the next one.
    """

    text: str
    stdin: str = ""
    view: str = "as_it_is"
    compare_errors: bool = True
    compare_output: bool = True
    eventually: str = ""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Steps in order. Containers are called box, box1, box2 ...; what the steps leave behind is removed afterwards."""

    name: str
    steps: tuple[Step, ...]


def scenario(name: str, *steps: str | Step) -> Scenario:
    return Scenario(name=name, steps=tuple(Step(text=step) if isinstance(step, str) else step for step in steps))


def play(play_it: Scenario, client: Docker) -> list[str]:
    """The masked transcript: for each step the command, both streams and the status.

    Leaves no container behind, nor an image without a name (the original imports what ours refuses).
    """
    transcript: list[str] = []
    try:
        for step in play_it.steps:
            transcript += _play_step(step, client)
    finally:
        client.remove_all_containers()
        remove_all_without_name(client)
    return transcript


def _play_step(step: Step, client: Docker) -> Iterable[str]:
    result = client.run(*shlex.split(step.text), stdin=step.stdin)
    if step.eventually and result.out != step.eventually:
        told = wait_until(lambda: _result_if_told(step, client), f"docker {step.text} to say {step.eventually}")
        assert told is not None
        result = told
    view: Callable[[str], str] = getattr(views, step.view)
    yield f"$ docker {step.text}"
    if step.compare_output:
        yield from (f"  out: {line}" for line in masks.mask(view(result.out)).splitlines())
    if step.compare_errors:
        yield from (f"  err: {line}" for line in masks.mask(result.err).splitlines())
    yield f"  status: {result.status}"


def _result_if_told(step: Step, client: Docker) -> Result | None:
    result = client.run(*shlex.split(step.text), stdin=step.stdin)
    return result if result.out == step.eventually else None


@contextmanager
def client_of_an_attack(host: str, busybox_archive: Path, image: str) -> Iterator[Docker]:
    """Docker's client on the engine that the whole session shares, with busybox loaded; what the attack leaves there,
    its `image` too, is taken away."""
    client = docker.theirs(host)
    client("load", "-i", str(busybox_archive))
    yield client
    client.remove_all_containers()
    client.run("rmi", "-f", image)


def remove_all_without_name(client: Docker) -> None:
    images = client.run("images", "-q", "--no-trunc", "--filter", "dangling=true").out.split()
    if images:
        client.run("rmi", "-f", *images)


def difference(expected: list[str], got: list[str], whose: str) -> str:
    """A readable difference of two transcripts; empty when they are equal."""
    return "\n".join(difflib.unified_diff(expected, got, "the original", whose, lineterm="", n=3))

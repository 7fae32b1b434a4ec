"""A client in untidy surroundings: a broken configuration, closed or full standard streams."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.docker import Docker


@pytest.mark.parametrize("text", ['{"auths": ', "[]", "\x00"])
def test_a_configuration_that_cannot_be_read_is_warned_of(any_engine: Docker, tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    result = replace(any_engine, environment={"DOCKER_CONFIG": str(tmp_path)}).run("ps", "-q")
    assert (result.status, result.out) == (0, "")
    assert result.err.startswith(f"WARNING: Error parsing config file ({file}): ")
    assert result.err.count("\n") == 1
    assert file.read_text() == text


def test_a_closed_output_takes_nothing_else_along(any_engine: Docker) -> None:
    """The first descriptor that is free would be the connection to the daemon."""
    for command in (("run", "--name", "box", "busybox", "echo", "hello"), ("ps", "-a")):
        assert _with_streams(any_engine, ">&-", *command) == (0, b"")
    assert any_engine("logs", "box") == "hello"
    assert _with_streams(any_engine, "<&- >&- 2>&-", "run", "-i", "busybox", "sh", "-c", "cat; exit 3")[0] == 3


def test_a_full_output_is_an_error(any_engine: Docker) -> None:
    status, said = _with_streams(any_engine, ">/dev/full", "run", "--name", "box", "busybox", "echo", "hello")
    any_engine("wait", "box")  # the client did not
    assert (status, said) == (1, b"write /dev/stdout: no space left on device\n")


def _with_streams(client: Docker, redirection: str, *command: str) -> tuple[int, bytes]:
    """The client's exit status and what it says on standard error, its streams redirected as a shell would."""
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", *client.argv(*command)]
    done = subprocess.run(shell, capture_output=True, env=client.env(), timeout=60, check=False)
    return done.returncode, done.stderr

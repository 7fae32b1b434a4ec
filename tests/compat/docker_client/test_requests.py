"""Our client and Docker's own send the same requests for the same command lines, and say the same of them.

But for one: `run -d` does not wait for what nobody will read.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.docker_client.clients import DOCKERS_OWN, OUR_CLIENT
from tests.compat.docker_client.command_lines import command_lines
from tests.compat.docker_client.recording_daemon import RecordingDaemon
from tests.support import sample

pytestmark = pytest.mark.peers

FILES = "@FILES@"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("files")
    (directory / "env.list").write_text("# comment\nA=1\n\n  B=2 \nHOME\nNOT_SET_ANYWHERE\nC=\n")
    (directory / "labels.list").write_text("a=1\nb\n# c\nd=e f\n")
    (directory / "seccomp.json").write_text('{\n  "defaultAction": "SCMP_ACT_ALLOW",\n  "names": ["a", "<b>"]\n}\n')
    return directory


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingDaemon]:
    with RecordingDaemon(tmp_path_factory.mktemp("daemon") / "docker.sock") as daemon:
        yield daemon


@pytest.mark.parametrize("line", sample.of_lines(command_lines(FILES), one_in=3))
def test_both_clients_send_the_same_requests(line: str, daemon: RecordingDaemon, files: Path) -> None:
    command = shlex.split(line.replace(FILES, str(files)))
    theirs = _observe(DOCKERS_OWN, command, daemon, files)
    ours = _observe(OUR_CLIENT, command, daemon, files)
    assert ours == theirs


def _observe(client: list[str], command: list[str], daemon: RecordingDaemon, directory: Path) -> dict[str, object]:
    daemon.clear()
    environment = {"HOME": str(directory), "PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{daemon.path}"}
    done = subprocess.run(
        [*client, *command],
        env=environment,
        cwd=directory,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=30,
        check=False,
    )
    return {
        "status": done.returncode,
        "stdout": done.stdout,
        "stderr": done.stderr,
        "requests": [_comparable(request.comparable()) for request in daemon.requests if "/wait" not in request.target],
    }


def _comparable(request: tuple[str, str, object]) -> tuple[str, str, object]:
    """Binds, variables and subnets come from a Go map there: their order is nothing to compare."""
    method, target, document = request
    if isinstance(document, dict) and isinstance(document.get("HostConfig"), dict):
        document["HostConfig"]["Binds"] = sorted(document["HostConfig"]["Binds"] or ())
        document["Env"] = sorted(document["Env"] or ())
    if isinstance(document, dict) and isinstance(document.get("IPAM"), dict):
        document["IPAM"]["Config"] = sorted(document["IPAM"]["Config"], key=lambda subnet: subnet["Subnet"])
    return method, target, document

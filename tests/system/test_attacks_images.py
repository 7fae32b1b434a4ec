"""Images whose configuration and layers lie: what they say is data, and nobody else's engine is the worse for it."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import docker, images
from tests.support.docker import Docker
from tests.support.engine import OurEngine

matrix = pytest.mark.matrix
LONG_NUMBER = "9" * 5000
UP = "../" * 20
PORTS = (f"{LONG_NUMBER}/tcp", "99999/x", "-1/tcp", "80-90/tcp", "\0", "/", "")
SIGNALS = (LONG_NUMBER, f"RTMIN+{LONG_NUMBER}", "NOSUCH", "0", "٩")
VOLUMES = ("/a" * 1900, "/a\0b", "", "/")


@pytest.fixture(scope="module")
def client(our_engine: OurEngine) -> Iterator[Docker]:
    client = docker.theirs(our_engine.host)
    yield client
    client.remove_all_containers()
    client.run("rmi", "-f", "liar")


@pytest.fixture
def host() -> Iterator[Path]:
    """A folder of the host that an image aims at. Nothing may arrive there."""
    with tempfile.TemporaryDirectory(prefix="a", dir="/tmp") as folder:
        yield Path(folder)
        assert not [entry.name for entry in Path(folder).rglob("*")]


@pytest.fixture(scope="module")
def program(busybox_archive: Path) -> bytes:
    return images.program_of(busybox_archive)


def load(client: Docker, folder: Path, files: Mapping[str, bytes | str], config: Mapping[str, object]) -> None:
    client("load", "-i", str(images.make(folder / "liar.tar", "liar:latest", files, config)))


def runnable(program: bytes, files: Mapping[str, bytes | str] | None = None) -> dict[str, bytes | str]:
    links = {f"bin/{name}": "-> busybox" for name in ("sh", "true", "sleep", "ls")}
    return {"bin/busybox": program, **links, **(files or {})}


@pytest.mark.parametrize("port", ["²/tcp", *(pytest.param(port, marks=matrix) for port in PORTS)])
def test_a_port_that_is_none_leaves_everybody_s_list_readable(
    client: Docker, tmp_path: Path, program: bytes, port: str
) -> None:
    """One such container, and `docker ps` answered 500 to all."""
    load(client, tmp_path, runnable(program), {"ExposedPorts": {port: {}}, "Cmd": ["/bin/sleep", "100"]})
    if (made := client.run("run", "-d", "liar")).status:
        assert "Traceback" not in made.err
        return
    try:
        assert client("ps", "-q", "--no-trunc") == made.line
    finally:
        client("rm", "-f", made.line)


@pytest.mark.parametrize("signal", ["²", *(pytest.param(signal, marks=matrix) for signal in SIGNALS)])
def test_a_stop_signal_that_is_none_is_sigterm(client: Docker, tmp_path: Path, program: bytes, signal: str) -> None:
    """`docker stop` refused such a container for good."""
    command = ["/bin/sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]
    load(client, tmp_path, runnable(program), {"StopSignal": signal, "Cmd": command, "Env": ["PATH=/bin"]})
    made = client("run", "-d", "liar")
    try:
        client("stop", made)
        assert client("inspect", "-f", "{{.State.ExitCode}}", made) in ("7", "143")
    finally:
        client("rm", "-f", made)


def test_a_layer_writes_nothing_outside_by_way_of_what_is_missing(client: Docker, tmp_path: Path, host: Path) -> None:
    """A link to `missing/../../..` led out of the layer's folder: `docker pull` could write any file of the host."""
    files: dict[str, bytes | str] = {
        "absolute": f"-> /missing/{UP}{host}/absolute",
        "absolute/file": b"evil",
        "relative": f"-> missing/{UP}{host}",
        "relative/file": b"evil",
    }
    load(client, tmp_path, files, {})


@pytest.mark.parametrize(
    "target", ["/link/volume", *(pytest.param(path, marks=matrix) for path in ("/link/a/b", "/link"))]
)
def test_a_mount_goes_nowhere_outside_by_way_of_what_is_missing(
    client: Docker, tmp_path: Path, program: bytes, host: Path, target: str
) -> None:
    """CVE-2024-45310's like: folders and empty files of the host were made."""
    load(client, tmp_path, runnable(program, {"link": f"-> /missing/{UP}{host}/made"}), {})
    source = tmp_path / "source"
    source.write_text("x")
    for bound in (source, tmp_path):
        client("run", "--rm", "--network", "none", "-v", f"{bound}:{target}:ro", "liar", "true")
    client.run("run", "--rm", "--network", "none", "-w", target, "liar", "true")  # chdir(2) itself finds nothing
    client("run", "--rm", "--network", "none", "--tmpfs", target, "liar", "true")


@pytest.mark.parametrize("path", ["/" + "a" * 300, *(pytest.param(path, marks=matrix) for path in VOLUMES)])
def test_a_volume_that_cannot_be_leaves_no_volume(client: Docker, tmp_path: Path, program: bytes, path: str) -> None:
    load(client, tmp_path, runnable(program), {"Volumes": {path: {}}, "Cmd": ["/bin/true"]})
    before = client("volume", "ls", "-q")
    done = client.run("run", "--rm", "liar")
    assert done.status == 0 or "internal error" not in done.err
    assert client("volume", "ls", "-q") == before


@matrix
@pytest.mark.parametrize("key", ["WorkingDir", "Env", "User", "Cmd"])
def test_a_long_or_broken_text_is_refused_in_words(client: Docker, tmp_path: Path, program: bytes, key: str) -> None:
    for text in ("x" * 70_000, "/" + "x/" * 40_000, "/a\0b", "\n", "%s{}$(x)"):
        value: object = text if key in ("WorkingDir", "User") else [text]
        load(client, tmp_path, runnable(program), {"Cmd": ["/bin/true"], key: value})
        done = client.run("run", "--rm", "--network", "none", "liar")
        assert "Traceback" not in done.err
        assert "internal error" not in done.err
        json.loads(client("inspect", "liar"))

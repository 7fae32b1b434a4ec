"""Mirrors, insecure registries, certificates: what dockerd was told is how its containerd asks."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, peers
from tests.support.certificates import Authority
from tests.support.engine import OurEngine
from tests.support.image_server import BASIC, SECRET, USER, ImageServer
from tests.support.paths import LAUNCHERS
from tests.support.peers import OriginalEngine

pytestmark = [pytest.mark.root, pytest.mark.peers]
MIRROR = "127.0.0.1:5003"
INSECURE = "10.99.0.1:5000"
CERTIFIED = "10.99.0.2:5000"
STRICT = "10.98.0.1:5000"
FLAGS = (f"--registry-mirror=http://{MIRROR}", "--insecure-registry=10.99.0.1/32", "--insecure-registry=r.example:5000")


@pytest.fixture(scope="module")
def engine(machine_unchanged: None, short_folder: Path) -> Iterator[OurEngine]:
    folder = short_folder / "mirrored"
    engine = OurEngine(folder, *FLAGS, f"--registry-certificates={folder}/certs.d")
    try:
        for address in (INSECURE, CERTIFIED, STRICT):
            engine.sandbox.run("ip", "address", "add", f"{address.partition(':')[0]}/32", "dev", "lo")
        yield engine.start()
    finally:
        engine.close()


@pytest.fixture
def client(engine: OurEngine) -> Iterator[docker.Docker]:
    client = docker.theirs(engine.host)
    yield client
    for image in client("images", "-q").split():
        client("rmi", "-f", image)


def server(engine: OurEngine, address: str, certificate: tuple[Path, Path] | None = None) -> ImageServer:
    log = engine.folder / f"asked-{address}"
    log.unlink(missing_ok=True)
    return ImageServer(engine.enter, log, address, certificate)


def test_images_of_docker_hub_come_from_the_mirror(engine: OurEngine, client: docker.Docker) -> None:
    with server(engine, MIRROR) as mirror:
        assert "Downloaded newer image for tiny:latest" in client("pull", "tiny")
    assert {asked.path.partition("?")[2] for asked in mirror.asked()} == {"ns=docker.io"}
    assert client("images", "--format", "{{.Repository}}:{{.Tag}}") == "tiny:latest"


def test_a_login_at_the_registry_is_none_at_the_mirror(
    engine: OurEngine, client: docker.Docker, tmp_path: Path
) -> None:
    """Nor does the mirror get what is meant for Docker Hub, whatever it asks for."""
    auths = {"https://index.docker.io/v1/": {"auth": BASIC.removeprefix("Basic ")}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    with server(engine, MIRROR) as mirror:
        refused = client.run("--config", str(tmp_path), "create", "guarded")  # `pull` would ask at the terminal
    assert refused.status == 1
    assert "401 Unauthorized" in refused.err
    assert mirror.asked()
    assert not any(asked.authorization for asked in mirror.asked())


def test_a_login_at_a_registry_is_used_there(engine: OurEngine, client: docker.Docker, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {MIRROR: {"auth": BASIC.removeprefix("Basic ")}}}))
    with server(engine, MIRROR) as registry:
        client("--config", str(tmp_path), "pull", f"{MIRROR}/guarded")
    assert {asked.authorization for asked in registry.asked()} == {"", BASIC}
    assert (USER, SECRET) == ("me", "very secret")


def test_only_an_insecure_registry_is_asked_in_clear(engine: OurEngine, client: docker.Docker) -> None:
    with server(engine, INSECURE):
        client("pull", f"{INSECURE}/tiny")
    with server(engine, STRICT) as strict:
        refused = client.run("pull", f"{STRICT}/tiny")
    assert refused.status == 1
    assert "http: server gave HTTP response to HTTPS client" in refused.err
    assert not strict.asked()


def test_an_insecure_registry_may_have_any_certificate(
    engine: OurEngine, client: docker.Docker, tmp_path: Path
) -> None:
    with server(engine, INSECURE, Authority(tmp_path).sign("server")):
        client("pull", f"{INSECURE}/tiny")


def test_a_certificate_in_the_folder_is_trusted_from_then_on(
    engine: OurEngine, client: docker.Docker, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with server(engine, CERTIFIED, authority.sign("server", address=CERTIFIED.partition(":")[0])) as certified:
        refused = client.run("pull", f"{CERTIFIED}/tiny")
        assert "x509: certificate signed by unknown authority" in refused.err
        assert not certified.asked()
        folder = engine.folder / "certs.d" / CERTIFIED
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(authority.file.read_bytes())
        client("pull", f"{CERTIFIED}/tiny")


def test_info_shows_them(client: docker.Docker) -> None:
    shown = json.loads(client("info", "--format", "{{json .RegistryConfig}}"))
    assert shown["Mirrors"] == [f"http://{MIRROR}/"]
    assert shown["InsecureRegistryCIDRs"] == ["10.99.0.1/32", "::1/128", "127.0.0.0/8"]


@pytest.mark.matrix
def test_the_original_shows_the_same(client: docker.Docker, short_folder: Path, machine_unchanged: None) -> None:
    original = OriginalEngine("sid", short_folder / "told", *FLAGS)
    try:
        told = json.loads(docker.theirs(original.host)("info", "--format", "{{json .RegistryConfig}}"))
    finally:
        original.stop()
    shown = json.loads(client("info", "--format", "{{json .RegistryConfig}}"))
    for document in (told, shown):
        document["InsecureRegistryCIDRs"].sort()
    assert shown == {name: value for name, value in told.items() if name in shown}


@pytest.mark.matrix
@pytest.mark.parametrize(
    "mirror", ["m", "m:1", "://m", "ftp://m", "https://m/?a=b", "https://m/#a", "https://me:very@m", "https://m", "http://m/a/"]
)  # fmt: skip
def test_the_original_refuses_the_same_mirrors(mirror: str, short_folder: Path) -> None:
    flags = ["--config-file=/dev/null", "--validate", f"--registry-mirror={mirror}"]
    ours = subprocess.run([str(LAUNCHERS / "dockerd"), *flags], capture_output=True, text=True, check=False, timeout=30)
    argv, environment = peers.enter("sid", "dockerd", *flags, share=short_folder)
    theirs = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert bool(ours.returncode) == bool(theirs.returncode), theirs.stderr
    assert ours.stderr.strip().removeprefix("dockerd: ") in theirs.stderr


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--registry-mirror=mirror:5000", "invalid mirror: no scheme specified"),
        ("--insecure-registry=-x", "invalid index name (-x). Cannot begin or end with a hyphen"),
    ],
)
def test_what_is_no_mirror_and_no_registry_is_one_sentence(engine: OurEngine, flag: str, words: str) -> None:
    argv = [str(LAUNCHERS / "dockerd"), "--config-file=/dev/null", "--validate", flag]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(f"dockerd: {words}")
    assert len(done.stderr.splitlines()) == 1

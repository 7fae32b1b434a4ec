"""Our dockerd on the original containerd (1.7 and 2.1), its shim and its runc, all from its tree."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, images, peers
from tests.support.engine import OurEngine
from tests.support.foreign_runtimes import launcher
from tests.support.image_server import ImageServer
from tests.support.registry import ADDRESS, Registry
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]

INSECURE = "10.99.0.1:5000"
CONFIGURATION = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'


@pytest.fixture(scope="module", params=sorted(peers.SUITES))
def engine(request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path) -> Iterator[OurEngine]:
    """Our dockerd, which was told of the containerd of one suite. busybox is loaded."""
    folder = short_folder / f"on-{request.param}"
    engine = OurEngine(folder, f"--containerd={folder}/c.sock", f"--insecure-registry={INSECURE}")
    try:
        engine.sandbox.run("ip", "address", "add", f"{INSECURE.partition(':')[0]}/32", "dev", "lo")
        containerd = start_containerd(engine, request.param)
        try:
            docker.theirs(engine.start().host)("load", "-i", str(images.busybox()))
            with ImageServer(engine.enter, folder / "asked", INSECURE):
                yield engine
        finally:
            engine.stop()
            containerd.terminate()
            containerd.wait(20)
    finally:
        engine.close()


@pytest.fixture
def client(engine: OurEngine) -> docker.Docker:
    """Docker's client on it."""
    return docker.theirs(engine.host)


def start_containerd(engine: OurEngine, suite: str) -> "subprocess.Popen[bytes]":
    """In the engine's namespaces, with this machine's files: containerd and its shim need nothing of their tree."""
    tree = peers.install(suite) / "usr/bin"
    programs = engine.folder / "programs"
    programs.mkdir()
    (programs / "containerd-shim-runc-v2").symlink_to(tree / "containerd-shim-runc-v2")
    launcher("runc", suite, programs).rename(programs / "runc")
    (engine.folder / "c.toml").write_text(CONFIGURATION)
    places = [f"--root={engine.folder}/c-root", f"--state={engine.folder}/c-state", f"--address={engine.folder}/c.sock"]
    log = engine.folder / "c.log"
    with open(log, "wb") as out:
        containerd = engine.sandbox.popen(
            [tree / "containerd", f"--config={engine.folder}/c.toml", *places],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env={"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    wait_until(lambda: "successfully booted" in log.read_text(), f"containerd of {suite}", 20)
    return containerd


def version_of_containerd(client: docker.Docker) -> str:
    template = '{{range .Server.Components}}{{if eq .Name "containerd"}}{{.Version}}{{end}}{{end}}'
    return client("version", "--format", template)


def test_containers_run(client: docker.Docker) -> None:
    assert client("run", "--rm", "--network=none", "busybox", "echo", "hello") == "hello"
    assert client.run("run", "--rm", "busybox", "sh", "-c", "exit 42").status == 42
    assert client("run", "-i", "--rm", "busybox", "cat", stdin="piped") == "piped"
    wrong = client.run("run", "--rm", "busybox", "/no/such")
    assert wrong.status == 127
    assert 'exec: "/no/such": stat /no/such: no such file or directory' in wrong.err


def test_a_life(client: docker.Docker) -> None:
    client("run", "-d", "--name", "life", "-p", "8080:80", "-v", "kept:/kept", "busybox", "httpd", "-f", "-h", "/etc")
    assert client("exec", "life", "wget", "-q", "-O-", "http://localhost/hostname") == client("ps", "-q")
    assert client.run("exec", "life", "sh", "-c", "exit 3").status == 3
    client("pause", "life")
    assert client("inspect", "-f", "{{.State.Status}}", "life") == "paused"
    client("unpause", "life")
    assert client("stats", "--no-stream", "--format", "{{.PIDs}}", "life") == "1"
    client("kill", "life")
    assert client("wait", "life") == "137"
    client("start", "life")
    client("stop", "-t", "0", "life")
    assert client("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "life") == "exited 137"
    client("rm", "-v", "life")


def test_memory_that_runs_out_is_told(client: docker.Docker) -> None:
    limits = ("-m", "20m", "--memory-swap", "20m")
    assert client.run("run", "--name", "big", *limits, "busybox", "tail", "/dev/zero").status == 137
    assert client("inspect", "-f", "{{.State.OOMKilled}}", "big") == "true"
    client("rm", "big")


def test_an_image_is_pushed_and_pulled(engine: OurEngine, client: docker.Docker) -> None:
    """The transfer service of 1.7 speaks HTTPS alone, also to the loopback; what it says of that is passed on."""
    name = f"{ADDRESS}/team/app"
    client("tag", "busybox", name)
    with Registry(engine.folder / "registry", engine.enter):
        assert client.run("push", f"{ADDRESS}/team/nosuch").err == f"tag does not exist: {ADDRESS}/team/nosuch:latest\n"
        pushed = client.run("push", name)
        client("rmi", name)
        if version_of_containerd(client).startswith("1."):
            assert pushed.err.endswith("http: server gave HTTP response to HTTPS client\n")
            return
        digest = re.search(r"^latest: digest: (\S+) size: \d+$", pushed.ok().out, re.MULTILINE)
        assert digest is not None
        assert f"Digest: {digest[1]}" in client("pull", name)
        client("rmi", name)


def test_images_are_saved_removed_and_loaded(client: docker.Docker, tmp_path: Path) -> None:
    client("save", "-o", str(tmp_path / "saved.tar"), "busybox")
    client("rmi", "busybox")
    assert client("images", "-q") == ""
    client("load", "-i", str(tmp_path / "saved.tar"))
    assert client("run", "--rm", "busybox", "echo", "again") == "again"


def test_an_insecure_registry_is_asked_in_clear_or_the_containerd_named_that_cannot(client: docker.Docker) -> None:
    """The transfer service of 1.7 knows no hosts folder: it would ask by TLS, whatever dockerd was told."""
    version = version_of_containerd(client)
    pulled = client.run("pull", f"{INSECURE}/tiny")
    if version.startswith("1."):
        sentence = "registry mirrors, insecure registries and certificates need containerd 2.0 or newer; this is 1.7."
        assert f"Error response from daemon: {sentence}" in pulled.err
        assert len(pulled.err.splitlines()) == 1
    else:
        assert pulled.status == 0, pulled.err
        client("rmi", f"{INSECURE}/tiny")

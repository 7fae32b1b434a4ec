"""The originals' `ctr images push` on our containerd, to the original registry; what was pushed, the originals pull."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import images, layouts, peers
from tests.support.paths import CHECKOUT, PEERS_HOME
from tests.support.registry import ADDRESS, SECRET, USER, Registry
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]
IMAGE = "docker.io/library/busybox:latest"
MULTI = "docker.io/library/multi:1"
LOCKED = "127.0.0.1:5001"
SENDING = ("POST", "PUT", "PATCH")
# `ctr` asks the transfer service; with --local it reads content by itself.
TRANSFER, LOCAL = ["--plain-http"], ["--local", "--plain-http"]
Ctr = Callable[..., str]


@pytest.fixture(scope="module")
def registry(shared: OurContainerd, short_folder: Path) -> Iterator[Registry]:
    """The original registry on the loopback of our containerd's network."""
    enter = ["nsenter", "-t", str(shared.sandbox.pid), "-n", "--"]
    with Registry(Path(tempfile.mkdtemp(prefix="reg", dir=short_folder)), enter) as served:
        yield served


@pytest.fixture
def ctr(shared: OurContainerd) -> Iterator[Ctr]:
    """`ctr ARGUMENTS` of sid, and an empty store in the end."""

    def run(*arguments: str | Path, suite: str = "sid") -> str:
        return shared.ctr(*arguments, suite=suite).stdout.decode()

    yield run
    empty(run)


def empty(ctr: Ctr) -> None:
    if names := ctr("images", "ls", "-q").split():
        ctr("images", "rm", "--sync", *names)
    assert ctr("content", "ls", "-q") == ""


def digest_of(ctr: Ctr, name: str) -> str:
    return next(line.split()[2] for line in ctr("images", "ls").splitlines() if line.split()[0] == name)


def sent(registry: Registry, before: int) -> list[str]:
    asked = registry.requests()[before:]
    return [f"{method} {path.partition('?')[0]}" for method, path, _ in asked if method in SENDING]


@pytest.mark.parametrize("suite", ["sid", pytest.param("trixie", marks=pytest.mark.matrix)])
@pytest.mark.parametrize("how", [TRANSFER, pytest.param(LOCAL, marks=pytest.mark.matrix)], ids=["transfer", "local"])
def test_what_is_pushed_is_pulled_by_the_original_and_never_sent_again(
    ctr: Ctr, registry: Registry, suite: str, how: list[str]
) -> None:
    name = f"{ADDRESS}/{suite}/{'local' if how == LOCAL else 'transfer'}:1"
    peers.install(suite)
    ctr("images", "import", images.busybox())
    digest = digest_of(ctr, IMAGE)
    pushed = ctr("images", "push", *how, name, IMAGE, suite=suite)
    assert (how, suite) != (TRANSFER, "sid") or "complete" in pushed
    before = len(registry.requests())
    ctr("images", "push", *how, name, IMAGE, suite=suite)
    assert sent(registry, before) == []
    empty(ctr)
    ctr("images", "pull", "--local", "--plain-http", name)
    assert digest_of(ctr, name) == digest


@pytest.mark.matrix
def test_an_index_is_pushed_whole_and_pulled_by_the_original(ctr: Ctr, registry: Registry, tmp_path: Path) -> None:
    ctr("images", "import", "--all-platforms", layouts.two_platforms(tmp_path / "multi.tar", MULTI))
    digest = digest_of(ctr, MULTI)
    blobs = set(ctr("content", "ls", "-q").split())
    name = f"{ADDRESS}/out/multi:1"
    ctr("images", "push", *TRANSFER, name, MULTI)
    empty(ctr)
    ctr("images", "pull", "--local", "--plain-http", "--all-platforms", name)
    assert digest_of(ctr, name) == digest
    assert set(ctr("content", "ls", "-q").split()) <= blobs
    assert len(ctr("content", "ls", "-q").split()) == 8


def test_an_index_without_one_of_its_images_names_what_is_missing(
    ctr: Ctr, shared: OurContainerd, registry: Registry, tmp_path: Path
) -> None:
    layout = layouts.Layout()
    mine, other = (layout.image(machine, machine) for machine in (layouts.MACHINE, layouts.OTHER))
    layout.list(layout.index(**{layouts.MACHINE: mine, layouts.OTHER: other}), name=MULTI, ref="1")
    layout.forget(other)
    ctr("images", "import", layout.write(tmp_path / "partial.tar"))
    name = f"{ADDRESS}/out/partial:1"
    refused = shared.ctr("images", "push", *TRANSFER, name, MULTI, check=False)
    assert refused.returncode == 1
    assert other["digest"].encode() in refused.stderr
    assert b"not found" in refused.stderr
    platform = f"linux/{layouts.MACHINE}"
    refused = shared.ctr("images", "push", *TRANSFER, "--platform", platform, name, MULTI, check=False)
    assert b"references to blobs and/or manifests are missing in your target registry" in refused.stderr
    ctr("images", "push", *LOCAL, "--platform", platform, name, MULTI)  # this way it is the manifest alone
    empty(ctr)
    ctr("images", "pull", *TRANSFER, name)
    assert digest_of(ctr, name) == mine["digest"]


def test_blobs_that_a_sister_repository_has_are_mounted(ctr: Ctr, registry: Registry) -> None:
    ctr("images", "import", images.busybox())
    base, name = f"{ADDRESS}/sister/base:1", f"{ADDRESS}/sister/app:1"
    ctr("images", "push", *TRANSFER, base, IMAGE)
    before = len(registry.requests())
    ctr("images", "push", *TRANSFER, name, IMAGE)
    assert sent(registry, before) == ["POST /v2/sister/app/blobs/uploads/"] * 2 + ["PUT /v2/sister/app/manifests/1"]
    labels = ctr("content", "ls")
    assert labels.count("containerd.io/distribution.source.127.0.0.1=sister/app,sister/base") == 3


@pytest.mark.parametrize("how", [TRANSFER, pytest.param(LOCAL, marks=pytest.mark.matrix)], ids=["transfer", "local"])
def test_a_locked_registry_wants_a_user(ctr: Ctr, shared: OurContainerd, short_folder: Path, how: list[str]) -> None:
    ctr("images", "import", images.busybox())
    name = f"{LOCKED}/out/app:1"
    folder = Path(tempfile.mkdtemp(prefix="lock", dir=short_folder))
    enter = ["nsenter", "-t", str(shared.sandbox.pid), "-n", "--"]
    with Registry(folder, enter, address=LOCKED, locked=True):
        for user in ([], ["--user", f"{USER}:wrong"]):
            refused = shared.ctr("images", "push", *how, *user, name, IMAGE, check=False)
            assert refused.returncode == 1
            assert b"401 Unauthorized" in refused.stderr or b"no basic auth credentials" in refused.stderr
        ctr("images", "push", *how, "--user", f"{USER}:{SECRET}", name, IMAGE)
        digest = digest_of(ctr, IMAGE)
        empty(ctr)
        ctr("images", "pull", "--local", "--plain-http", "--user", f"{USER}:{SECRET}", name)
        assert digest_of(ctr, name) == digest
    assert SECRET not in shared.log_path.read_text()


def test_a_client_that_goes_away_ends_its_push(ctr: Ctr, shared: OurContainerd, registry: Registry) -> None:
    ctr("images", "import", images.busybox())
    blobs = Path(f"/proc/{shared.pid}/fd")

    def open_blobs() -> int:
        return sum("/blobs/" in str(link.readlink()) for link in blobs.iterdir() if link.is_symlink())

    program = CHECKOUT / "tests/integration/registry/upload_registry.py"
    server = shared.sandbox.popen([sys.executable, program, "PUT"], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        domain = server.stdout.readline().decode().strip()
        argv = [PEERS_HOME / "sid/usr/bin/ctr", "-a", shared.address, "-n", shared.namespace]
        client = shared.sandbox.popen(
            [*argv, "images", "push", "--plain-http", f"{domain}/x:1", IMAGE], stdout=subprocess.DEVNULL
        )
        assert server.stdout.readline() == b"stalls\n"
        assert open_blobs()
        client.kill()
        client.wait()
        wait_until(lambda: not open_blobs(), "the blobs to be closed")
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
    assert "transfer-" not in ctr("leases", "ls")
    ctr("images", "push", *TRANSFER, f"{ADDRESS}/out/again:1", IMAGE)

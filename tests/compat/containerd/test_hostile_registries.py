"""What somebody at the original `ctr` 2.1 sees of registries with manners of their own; what our containerd holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support.image_server import BASIC, LARGE, SECRET, USER, ImageServer

pytestmark = [pytest.mark.root, pytest.mark.peers]
ADDRESS = "127.0.0.1:5002"
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def served(shared: OurContainerd, short_folder: Path, sid: str) -> Iterator[ImageServer]:
    enter = ["nsenter", "-t", str(shared.sandbox.pid), "-n", "--"]
    with ImageServer(enter, short_folder / "asked", ADDRESS) as server:
        yield server


@pytest.fixture
def server(served: ImageServer) -> ImageServer:
    served.forget()
    return served


def pull(daemon: OurContainerd, *arguments: str) -> str:
    """What `ctr images pull` says when it fails; empty when it does not."""
    done = daemon.ctr("images", "pull", *arguments, check=False)
    return done.stderr.decode().strip() if done.returncode else ""


def is_left(daemon: OurContainerd) -> bool:
    daemon.ctr("leases", "ls", "-q")
    images, leases = daemon.ctr("images", "ls", "-q").stdout, daemon.ctr("leases", "ls", "-q").stdout
    return bool(images.strip() or leases.strip() or daemon.ctr("snapshots", "ls").stdout.decode().splitlines()[1:])


def memory(daemon: OurContainerd, *, peak: bool) -> int:
    """Bytes of containerd itself."""
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM" if peak else "VmRSS")) * 1024


def start_measuring(daemon: OurContainerd) -> int:
    """Let the peak begin anew; what is held now."""
    Path(f"/proc/{daemon.pid}/clear_refs").write_text("5")
    return memory(daemon, peak=False)


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ("loop", "more than 6 redirects"),
        ("none", f"{ADDRESS}/none:latest: not found"),
        ("everlasting", "401 Unauthorized"),
        ("endless", "its manifest is larger than 8388608 bytes"),
    ],
)
def test_each_is_one_sentence_and_leaves_nothing(
    shared: OurContainerd, server: ImageServer, repository: str, words: str
) -> None:
    said = pull(shared, "--user", f"{USER}:{SECRET}", f"{ADDRESS}/{repository}:latest")
    assert f'failed to resolve reference "{ADDRESS}/{repository}:latest"' in said
    assert words in said
    own = [line for line in said.splitlines() if not line.startswith("time=")]  # ctr may log how its streams ended
    assert len(own) == 1
    assert len(server.asked()) < 20
    assert not is_left(shared)


def test_a_name_and_a_secret_are_asked_for_and_used(shared: OurContainerd, server: ImageServer) -> None:
    name = f"{ADDRESS}/guarded:latest"
    assert "401 Unauthorized" in pull(shared, name)
    assert not any(asked.authorization for asked in server.asked())
    assert pull(shared, "--user", f"{USER}:{SECRET}", name) == ""
    assert {asked.authorization for asked in server.asked()} == {"", BASIC}
    shared.ctr("images", "rm", "--sync", name)


def test_a_folder_of_hosts_names_mirrors(shared: OurContainerd, server: ImageServer, tmp_path: Path) -> None:
    (tmp_path / "docker.io").mkdir()
    file = tmp_path / "docker.io/hosts.toml"
    file.write_text(f'server = "http://127.0.0.1:1"\n[host."http://{ADDRESS}"]\n')
    name = "docker.io/library/tiny:latest"
    assert pull(shared, "--hosts-dir", str(tmp_path), name) == ""
    assert all(asked.path.endswith("?ns=docker.io") for asked in server.asked())
    shared.ctr("images", "rm", "--sync", name)
    file.write_text('[host."http://m"]\nca = 1\n')
    said = pull(shared, "--hosts-dir", str(tmp_path), name)
    assert f'read {file}: host."http://m": ca: expected text or a list of texts' in said


def test_a_manifest_without_end_costs_little(shared: OurContainerd, server: ImageServer) -> None:
    pull(shared, f"{ADDRESS}/endless:latest")  # imports, threads
    before = start_measuring(shared)
    assert pull(shared, f"{ADDRESS}/endless:latest")
    assert memory(shared, peak=True) - before < 40 * MEBIBYTE


@pytest.mark.matrix
def test_a_large_layer_costs_no_more_than_a_small_one(shared: OurContainerd, server: ImageServer) -> None:
    for name in ("tiny", "large"):
        before = start_measuring(shared)
        assert pull(shared, f"{ADDRESS}/{name}:latest") == ""
        grown = memory(shared, peak=True) - before
        shared.ctr("images", "rm", "--sync", f"{ADDRESS}/{name}:latest")
    assert grown < LARGE / 10

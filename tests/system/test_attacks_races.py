"""Containers that exchange folders and links of a shared volume while others are started that mount below it.

CVE-2021-30465, CVE-2024-45310: between the check of a target and its mount the target became a link to the host.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.kept import compiled

EXCHANGE = Path(__file__).with_name("exchange.c")
UP = "../" * 20
# What each pair's link says; {} is a folder of the host in which nothing may appear.
LINKS = ("{}/absolute", f"{UP}{{}}/climbing", f"missing/{UP}{{}}/through-what-is-missing", "/proc/self/root{}/magic")
SAMPLE, ALL = 12, 1000


@pytest.fixture
def host() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="a", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def client(our_engine: OurEngine, busybox_archive: Path) -> Docker:
    client = docker.theirs(our_engine.host)
    client("load", "-i", str(busybox_archive))
    return client


@pytest.fixture
def shared(client: Docker, tmp_path: Path, host: Path) -> Iterator[Path]:
    """The shared volume's folder, in which two containers exchange names."""
    program = compiled(EXCHANGE)
    volume = tmp_path / "shared"
    volume.mkdir()
    pairs = []
    for number, link in enumerate(LINKS):
        (volume / f"folder{number}").mkdir()
        (volume / f"link{number}").symlink_to(link.format(host))
        pairs += [f"/shared/folder{number}", f"/shared/link{number}"]
    for name in ("hosts", "hostname", "resolv.conf", "passwd"):
        (volume / name).touch()
        (volume / f"{name}.link").symlink_to(f"{host}/{name}")
        pairs += [f"/shared/{name}", f"/shared/{name}.link"]
    run = ("run", "-d", "--network", "none", "-v", f"{program}:/exchange:ro", "-v", f"{volume}:/shared", "busybox")
    racing = [client(*run, "/exchange", *pairs), client(*run, "/exchange", *reversed(pairs))]
    yield volume
    client("rm", "-f", *racing)


def start(client: Docker, shared: Path, source: Path, number: int) -> bool:
    """Start one container with mounts, a working folder and the engine's own files below what is exchanged; whether
    it ran."""
    below = [f"/shared/folder{place}" for place in range(len(LINKS))]
    flags = ["-v", f"{shared}:/shared", "-v", f"{shared}:/etc"]
    for place, target in enumerate(below):
        flags += ["-v", f"{source}:{target}/new{number}/mount{place}:ro", "--tmpfs", f"{target}/tmpfs{number}"]
    flags += ["-w", f"{below[number % len(below)]}/work{number}", "--device", "/dev/null:/shared/folder0/null"]
    done = client.run("run", "--rm", "--network", "none", *flags, "busybox", "true")
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    return done.status == 0


def count_inodes(host: Path) -> int:
    return sum(1 for _ in host.rglob("*"))


@pytest.mark.parametrize("starts", [SAMPLE, pytest.param(ALL, marks=pytest.mark.matrix)])
def test_no_start_makes_or_mounts_anything_on_the_host(client: Docker, shared: Path, host: Path, starts: int) -> None:
    source = shared.parent / "source"
    source.mkdir()
    before = os.stat(host)
    ended: Counter[bool] = Counter()
    for number in range(starts):
        ended[start(client, shared, source, number)] += 1
    assert count_inodes(host) == 0
    assert os.stat(host).st_mtime_ns == before.st_mtime_ns
    if starts == ALL:
        assert all(ended[ran] for ran in (True, False)), f"the race was never won or never lost: {ended}"

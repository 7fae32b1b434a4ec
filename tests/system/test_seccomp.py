"""The errno of every system call number in the same containers on both engines, told by a static probe made here."""

import ctypes
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import docker, images
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine

CONTAINERS: dict[str, tuple[str, ...]] = {
    "default": (),
    "unconfined": ("--security-opt", "seccomp=unconfined"),
    "privileged": ("--privileged",),
    "with-sys-admin": ("--cap-add", "SYS_ADMIN"),
    "with-all": ("--cap-add", "ALL"),
    "with-none": ("--cap-drop", "ALL"),
    "as-a-user": ("-u", "1000"),
}
# AF_ALG is refused since CVE-2026-31431; the profile of 28.5 is older.
STRICTER = frozenset({"socket 38: EPERM"})
ARCHITECTURES = {"native": 0, "i386": 0x40000003}  # SCMP_ARCH_NATIVE, SCMP_ARCH_X86
TABLES = ("64", "32") if platform.machine() == "x86_64" else ("64",)


@pytest.fixture(scope="module")
def probe_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image `probe` of one static program."""
    return images.of_program(Path(__file__).with_name("probe.c"), tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="module")
def original_with_probe(original: OriginalEngine, probe_archive: Path) -> Iterator[docker.Docker]:
    client = docker.theirs(original.host)
    client("load", "-i", str(probe_archive))
    yield client
    client("rmi", "-f", "probe")


@pytest.fixture(scope="module")
def ours_with_probe(ours: OurEngine, probe_archive: Path) -> Iterator[docker.Docker]:
    client = docker.theirs(ours.host)
    client("load", "-i", str(probe_archive))
    yield client
    client("rmi", "-f", "probe")


@cache
def answers(client_host: str, container: str, table: str) -> str:
    client = docker.theirs(client_host)
    return client("run", "--rm", "--network", "none", *CONTAINERS[container], "probe", table, timeout=120)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_system_call_answers_as_in_the_original(
    container: str, table: str, ours_with_probe: docker.Docker, original_with_probe: docker.Docker
) -> None:
    theirs = answers(original_with_probe.host, container, table).splitlines()
    got = answers(ours_with_probe.host, container, table).splitlines()
    differing = [
        f"{mine}  (the original: {other})"
        for mine, other in zip(got, theirs, strict=True)
        if mine != other and mine not in STRICTER and not is_unknown_to_this_library(mine)
    ]
    assert not differing, "\n".join(differing)


def is_unknown_to_this_library(answer: str) -> bool:
    """The original brings its own libseccomp; ours asks the machine's. What that cannot name answers ENOSYS."""
    table, number, told = answer.replace(":", "").split()[:3]
    if told != "ENOSYS" or table not in ARCHITECTURES:
        return False
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_syscall_resolve_num_arch.restype = ctypes.c_char_p
    return library.seccomp_syscall_resolve_num_arch(ctypes.c_uint32(ARCHITECTURES[table]), int(number)) is None


def test_the_probe_on_the_original_sees_a_filter(original_with_probe: docker.Docker) -> None:
    """The probe itself: it must tell a filtered container from an open one, and repeat itself."""
    filtered = answers(original_with_probe.host, "default", "64")
    assert filtered != answers(original_with_probe.host, "unconfined", "64")
    answers.cache_clear()
    assert filtered == answers(original_with_probe.host, "default", "64")

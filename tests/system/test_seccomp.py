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
# The table's token (SCMP_ARCH_NATIVE, SCMP_ARCH_X86, SCMP_ARCH_X32), and the bit that is part of its numbers.
ARCHITECTURES = {"native": (0, 0), "i386": (0x40000003, 0), "x32": (0x4000003E, 1 << 30)}
TABLES = ("64", "32", "x32") if platform.machine() == "x86_64" else ("64",)


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


def each_of(*, tables: tuple[str, ...], sample: tuple[str, ...]) -> list[object]:
    """Each table in each container; the sample is of these tables in these containers."""
    return [
        pytest.param(container, table, marks=() if container in sample and table in tables else pytest.mark.matrix)
        for container in CONTAINERS
        for table in TABLES
    ]


def answers_in_exec(client: docker.Docker, container: str, table: str) -> str:
    box = client("run", "-d", "--network", "none", *CONTAINERS[container], "probe", "wait")
    try:
        return client("exec", box, "/probe", table, timeout=120)
    finally:
        client("rm", "-f", box)


@cache
def answers(client_host: str, container: str, table: str) -> str:
    client = docker.theirs(client_host)
    return client("run", "--rm", "--network", "none", *CONTAINERS[container], "probe", table, timeout=120)


@pytest.mark.parametrize(("container", "table"), each_of(tables=("64", "32"), sample=("default", "privileged")))
def test_every_system_call_answers_as_in_the_original(
    container: str, table: str, ours_with_probe: docker.Docker, original_with_probe: docker.Docker
) -> None:
    theirs = answers(original_with_probe.host, container, table)
    assert not (differing := difference(answers(ours_with_probe.host, container, table), theirs)), differing


@pytest.mark.parametrize(("container", "table"), each_of(tables=("64",), sample=("default",)))
def test_every_system_call_of_an_exec_answers_as_in_the_original(
    container: str, table: str, ours_with_probe: docker.Docker, original_with_probe: docker.Docker
) -> None:
    theirs = answers_in_exec(original_with_probe, container, table)
    assert not (differing := difference(answers_in_exec(ours_with_probe, container, table), theirs)), differing


def difference(got: str, theirs: str) -> str:
    return "\n".join(
        f"{mine}  (the original: {other})"
        for mine, other in zip(got.splitlines(), theirs.splitlines(), strict=True)
        if mine != other and mine not in STRICTER and not is_unknown_to_this_library(mine)
    )


def is_unknown_to_this_library(answer: str) -> bool:
    """The original brings its own libseccomp; ours asks the machine's. What that cannot name answers ENOSYS, or, of
    x32, EPERM."""
    table, number, told = answer.replace(":", "").split()[:3]
    if told != ("EPERM" if table == "x32" else "ENOSYS") or table not in ARCHITECTURES:
        return False
    token, bit = ARCHITECTURES[table]
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_syscall_resolve_num_arch.restype = ctypes.c_char_p
    return library.seccomp_syscall_resolve_num_arch(ctypes.c_uint32(token), int(number) | bit) is None


def test_the_probe_on_the_original_sees_a_filter(original_with_probe: docker.Docker) -> None:
    """The probe itself: it must tell a filtered container from an open one, and repeat itself."""
    filtered = answers(original_with_probe.host, "default", "64")
    assert filtered != answers(original_with_probe.host, "unconfined", "64")
    answers.cache_clear()
    assert filtered == answers(original_with_probe.host, "default", "64")

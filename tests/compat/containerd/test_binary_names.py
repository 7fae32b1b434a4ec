"""Our shim below our containerd with a BinaryName of the originals' `ctr`: resolved on PATH, or given as a path."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import peers
from tests.support.foreign_runtimes import launcher, no_hybrid_groups
from tests.support.sample import is_in_sample

pytestmark = [pytest.mark.root, pytest.mark.peers]

# Tells of its call, then is the runtime.
TELLING = '#!/bin/sh\necho "$0" >>{log}\nexec {program} "$@"\n'


@pytest.fixture(scope="module")
def ours(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    """Our containerd with runtimes on its PATH: `runc-sid`, `crun-sid`, `runc-trixie`, `crun-trixie`."""
    with no_hybrid_groups(short_folder / "names", f"sw{short_folder.name}") as enter:
        daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="cd", dir=short_folder)), under=enter)
        programs, real = daemon.folder / "programs", daemon.folder / "real"
        programs.mkdir()
        real.mkdir()
        for name in ("runc", "crun"):
            for suite in peers.SUITES:
                program = programs / f"{name}-{suite}"
                program.write_text(TELLING.format(log=daemon.folder / "calls", program=launcher(name, suite, real)))
                program.chmod(0o755)
        daemon.path = f"{programs}:{daemon.path}"
        try:
            yield daemon.start()
        finally:
            daemon.close()


CASES = [
    pytest.param(way, name, suite, id=case, marks=[] if is_in_sample(case, 4) else [pytest.mark.matrix])
    for way in ("on-path", "by-path")
    for name in ("runc", "crun")
    for suite in sorted(peers.SUITES)
    for case in [f"{way}-{name}-{suite}"]
]


@pytest.mark.parametrize(("way", "name", "suite"), CASES)
def test_a_runtime_of_that_name_is_executed(
    ours: OurContainerd, root_folder: Path, suite: str, name: str, way: str
) -> None:
    place = ours.folder / f"programs/{name}-{suite}"
    calls = ours.folder / "calls"
    calls.write_text("")
    binary = place.name if way == "on-path" else str(place)
    words = ["--runc-binary", binary, root_folder, "b", "/bin/sh", "-c", "echo out; exit 7"]
    done = ours.ctr("run", "--rootfs", "--rm", *words, suite=suite, check=False)
    assert (done.stdout, done.returncode) == (b"out\n", 7), done.stderr
    assert set(calls.read_text().split()) == {str(place)}


def test_without_a_name_our_own_is_forked(ours: OurContainerd, root_folder: Path) -> None:
    """No program is executed for it: a runc on PATH that would tell of its call is not called."""
    calls = ours.folder / "calls"
    calls.write_text("")
    trap = ours.folder / "programs/runc"
    trap.write_text(TELLING.format(log=calls, program="false"))
    trap.chmod(0o755)
    try:
        done = ours.ctr("run", "--rootfs", "--rm", root_folder, "f", "/bin/echo", "out")
        assert done.stdout == b"out\n"
        assert calls.read_text() == ""
    finally:
        trap.unlink()

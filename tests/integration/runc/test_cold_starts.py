"""A launcher that keeps a read-only mount of the interpreter: one start of Python instead of two."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.runc.conftest import Machine
from tests.support.paths import CHECKOUT

pytestmark = pytest.mark.root

LAUNCHER = """#!/bin/sh
''':'
kept={place}{python}
[ "$kept" -ef {python} ] && exec "$kept" -I -S "$0" "$@"
exec {python} -I -S "$0" "$@"
'''
import sys
sys.path.insert(0, {source!r})
from slipway.launch.runc import main
main({place!r})
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter of our own, to be replaced as an upgrade does: beside its library, as from an installation."""
    path = tmp_path / "python/bin/python3"
    path.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(sys.executable), path)
    (tmp_path / "python" / sys.platlibdir).symlink_to(f"{sys.base_prefix}/{sys.platlibdir}")
    return path


def write_launcher(folder: Path, python: Path) -> Path:
    path = folder / "runc"
    path.write_text(LAUNCHER.format(place=f"{folder}/kept", python=python, source=str(CHECKOUT / "src")))
    path.chmod(0o755)
    return path


def with_hook(spec: dict[str, object], output: Path) -> None:
    """Its parent is runc: what runc runs from is seen there."""
    script = f"readlink /proc/$PPID/exe >>{output}"
    spec["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}


def in_one_namespace(script: str) -> str:
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-ec", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_mounted_once_and_every_later_start_runs_from_it(machine: Machine, tmp_path: Path, python: Path) -> None:
    runc = write_launcher(tmp_path, python)
    bundle = machine.bundle("true", change=lambda spec: with_hook(spec, tmp_path / "seen"))
    run = f"{runc} --root {machine.root} run --bundle {bundle}"
    write = f"if (echo x >>{tmp_path}/kept{python}) 2>&-; then exit 1; fi"
    mounted = in_one_namespace(f"{run} a; {run} b; grep kept /proc/self/mountinfo; {write}")
    assert (tmp_path / "seen").read_text().split() == [f"{tmp_path}/kept{python}"] * 2
    assert len(mounted.splitlines()) == 1
    assert f" {tmp_path}/kept{python} ro," in mounted


def test_another_interpreter_takes_its_place_after_an_upgrade(machine: Machine, tmp_path: Path, python: Path) -> None:
    runc = write_launcher(tmp_path, python)
    bundle = machine.bundle("true")
    run = f"{runc} --root {machine.root} run --bundle {bundle}"
    upgrade = f"cp {python} {python}.new; mv {python}.new {python}"
    mounted = in_one_namespace(f"{run} a; {upgrade}; {run} b; grep kept /proc/self/mountinfo; {run} c")
    assert len(mounted.splitlines()) == 1
    assert "deleted" not in mounted


def test_many_first_starts_at_once_make_one(machine: Machine, tmp_path: Path, python: Path) -> None:
    runc = write_launcher(tmp_path, python)
    bundles = [machine.bundle("true") for _ in range(4)]
    runs = "".join(f"{runc} --root {machine.root} run --bundle {bundle} {bundle.name} & " for bundle in bundles)
    assert len(in_one_namespace(f"{runs} wait; grep kept /proc/self/mountinfo").splitlines()) == 1


def test_where_it_cannot_be_mounted_a_clone_serves(machine: Machine, tmp_path: Path, python: Path) -> None:
    runc = write_launcher(tmp_path, python)
    (tmp_path / "kept").write_text("no folder")
    bundle = machine.bundle("echo", "ran", change=lambda spec: with_hook(spec, tmp_path / "seen"))
    assert in_one_namespace(f"{runc} --root {machine.root} run --bundle {bundle} a") == "ran\n"
    assert (tmp_path / "seen").read_text().split() == ["/"]  # a mount that is nowhere

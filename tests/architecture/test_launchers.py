"""`pip install .` puts five programs on the path; each starts isolated, also through a link or a path with spaces."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from tools.dev import launchers

PROGRAMS = tuple(launchers.PROGRAMS)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment, below a folder with a space in its name, with slipway installed in it."""
    place = tmp_path_factory.mktemp("a place") / "environment"
    venv.create(place, with_pip=False)
    source = tmp_path_factory.mktemp("source")
    for name in ("src", "bin", "pyproject.toml", "LICENSE", "README.md"):
        _copy(CHECKOUT / name, source / name)
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(source), str(source))
    (wheel,) = source.glob("slipway-*.whl")
    _pip("--python", str(place / "bin" / "python"), "install", str(wheel))
    return place / "bin"


def _pip(*arguments: str) -> None:
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    elif origin.exists():
        shutil.copyfile(origin, target)
    else:
        target.write_text("")


def reports_its_start(program: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `program` with a slipway.launch that prints where it is and how its interpreter was started."""
    return subprocess.run(
        [str(program), "a b", ""], capture_output=True, text=True, cwd=folder, env={"PATH": "/bin"}, check=False
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_is_installed_and_starts_isolated(installed: Path, program: str, tmp_path: Path) -> None:
    (launch,) = (installed.parent / "lib").glob("python*/site-packages/slipway/launch")
    module = launch / f"{launchers.PROGRAMS[program]}.py"
    module.write_text("import sys\ndef main(*_):\n    print(sys.flags.isolated, sys.flags.no_site, sys.argv[1:])\n")
    link = tmp_path / program
    link.symlink_to(installed / program)
    for path in (installed / program, link):
        done = reports_its_start(path, tmp_path)
        assert done.stdout == "1 1 ['a b', '']\n", done.stderr


def test_a_launcher_of_the_checkout_runs_the_checkout(tmp_path: Path) -> None:
    fake = tmp_path / "with space"
    (fake / "src" / "slipway" / "launch").mkdir(parents=True)
    (fake / "src" / "slipway" / "launch" / "docker.py").write_text("def main():\n    print(__file__)\n")
    folder = launchers.make(fake)
    os.symlink(folder / "docker", tmp_path / "link")
    for path in (folder / "docker", tmp_path / "link"):
        assert reports_its_start(path, tmp_path).stdout.strip() == f"{fake}/src/slipway/launch/docker.py"

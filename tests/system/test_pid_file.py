"""docker.pid: a number alone says nothing of who has it now; a daemon that lives is not started twice."""

import subprocess
from pathlib import Path

import pytest

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine


@pytest.fixture
def pid_file(fresh_engine: OurEngine) -> Path:
    return fresh_engine.folder / "docker.pid"


def refusal(engine: OurEngine, *flags: str) -> str:
    """The one line with which another dockerd of this engine's names ends, but for those in `flags`."""
    given = {flag.partition("=")[0] for flag in flags}
    argv = [word for word in engine.argv() if word.partition("=")[0] not in given]
    other = engine.sandbox.popen([*argv, *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = other.communicate(timeout=20)[0].decode()
    assert other.returncode == 1, said
    [line] = said.splitlines()
    return line


def test_it_holds_the_number_and_goes_with_the_daemon(fresh_engine: OurEngine, pid_file: Path) -> None:
    assert pid_file.read_text() == str(fresh_engine.pid)
    fresh_engine.stop()
    assert not pid_file.exists()


def test_one_left_by_a_crash_is_taken_over(fresh_engine: OurEngine, pid_file: Path) -> None:
    fresh_engine.kill()
    assert pid_file.exists()
    fresh_engine.start()
    assert pid_file.read_text() == str(fresh_engine.pid)


@pytest.mark.parametrize("argv", [["sh", "-c", "sleep 60; exit", "/usr/sbin/dockerd"], ["sleep", "60"]])
def test_the_number_is_somebody_else_s_now(fresh_engine: OurEngine, pid_file: Path, argv: list[str]) -> None:
    """Also somebody whose command line has the word dockerd in it."""
    fresh_engine.kill()
    stranger = fresh_engine.sandbox.popen(argv, start_new_session=True)
    try:
        pid_file.write_text(f"{stranger.pid}\n")
        fresh_engine.start()
        assert pid_file.read_text() == str(fresh_engine.pid)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("text", ["", "no number", "-1", "99999999999999999999", "\u0661\u0662"])
def test_no_number_is_no_daemon(fresh_engine: OurEngine, pid_file: Path, text: str) -> None:
    fresh_engine.kill()
    pid_file.write_text(text)
    fresh_engine.start()
    assert pid_file.read_text() == str(fresh_engine.pid)


def test_a_second_daemon_with_the_same_pid_file(fresh_engine: OurEngine, pid_file: Path) -> None:
    """Although nothing else of it is the same; and although somebody wrote nonsense into the file."""
    other = fresh_engine.folder / "other"
    own = [f"--data-root={other}/data", f"--exec-root={other}/run", f"--host=unix://{other}/docker.sock"]
    expected = f"dockerd: claim pid file {pid_file}: dockerd runs already as process {fresh_engine.pid}"
    assert refusal(fresh_engine, *own).startswith(expected)
    assert pid_file.read_text() == str(fresh_engine.pid)
    assert not (other / "docker.sock").exists()
    pid_file.write_text("7")
    assert "dockerd runs already as process" in refusal(fresh_engine, *own)


def test_a_second_daemon_with_the_same_data(fresh_engine: OurEngine) -> None:
    other = f"--pidfile={fresh_engine.folder}/other.pid"
    assert "another daemon is using it" in refusal(fresh_engine, other)
    assert not (fresh_engine.folder / "other.pid").exists()
    assert docker.theirs(fresh_engine.host)("info", "-f", "{{.ServerVersion}}")


def test_the_original_s_is_respected(original_engine: OriginalEngine, fresh_engine: OurEngine, pid_file: Path) -> None:
    fresh_engine.kill()
    pid_file.write_text(str(original_engine.pid))
    assert f"dockerd runs already as process {original_engine.pid}" in refusal(fresh_engine)
    assert pid_file.read_text() == str(original_engine.pid)

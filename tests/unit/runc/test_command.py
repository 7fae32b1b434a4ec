"""Finding the program and its environment, with a container's files that mean no good."""

import os
from pathlib import Path

import pytest

from slipway.base.errors import EngineError
from slipway.linux import resolve
from slipway.runc.process.command import environment_from_list, find_program, home_of


def words(name: str, search: str) -> str:
    with pytest.raises(EngineError) as caught:
        find_program(name, search)
    return caught.value.message


def test_errors_are_those_from_which_docker_makes_its_exit_status(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    assert words("nope", str(tmp_path)) == 'exec: "nope": executable file not found in $PATH'
    assert words("nope", "") == 'exec: "nope": executable file not found in $PATH'
    assert words("/nope", "") == 'exec: "/nope": stat /nope: no such file or directory'
    assert words(str(tmp_path), "") == f'exec: "{tmp_path}": is a directory'
    assert words(str(plain), "") == f'exec: "{plain}": permission denied'


def test_the_first_executable_on_the_path_is_taken(tmp_path: Path) -> None:
    for folder, mode in (("a", 0o644), ("b", 0o755)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tool").write_text("")
        (tmp_path / folder / "tool").chmod(mode)
    assert find_program("tool", f"/nonexistent:{tmp_path}/a:{tmp_path}/b") == f"{tmp_path}/b/tool"


def test_the_last_of_equal_variables_wins_and_an_empty_home_is_unset() -> None:
    assert environment_from_list(["A=1", "A=2", "B=x=y", "HOME="]) == {"A": "2", "B": "x=y"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    return tmp_path


def home(root: Path, uid: int) -> str:
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        return home_of(descriptor, uid)
    finally:
        os.close(descriptor)


def test_home_comes_from_the_containers_passwd(root: Path) -> None:
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nbroken\nme:x:1000:5::/home/me:/bin/sh\n")
    assert [home(root, uid) for uid in (0, 1000, 7)] == ["/root", "/home/me", "/"]


def test_a_passwd_that_is_no_file_neither_holds_nor_misleads(root: Path) -> None:
    assert home(root, 0) == "/"
    os.mkfifo(root / "etc/passwd")
    assert home(root, 0) == "/"
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to("/proc/self/environ")
    assert home(root, 0) == "/"
    (root / "etc/passwd").unlink()
    with open(root / "etc/passwd", "wb") as file:
        file.truncate(1 << 40)
    assert home(root, 0) == "/"


def test_a_passwd_that_is_no_file_is_not_even_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a device can do things, to a tape or a watchdog."""
    os.mkfifo(root / "etc/passwd")
    opened = []
    real = resolve.open_in_root

    def noting(root: int, path: str, flags: int = os.O_PATH, **options: int) -> int:
        opened.append(flags)
        return real(root, path, flags, **options)

    monkeypatch.setattr(resolve, "open_in_root", noting)
    assert home(root, 0) == "/"
    assert opened == [os.O_PATH]

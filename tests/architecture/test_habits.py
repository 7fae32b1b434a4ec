"""Lessons that became rules: descriptors close on exec, no shell, plain names, small files, nothing from outside."""

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from tests.architecture.modules import every_module
from tests.support.paths import CHECKOUT

FILE_LIMIT, FUNCTION_LIMIT = 600, 60
# path or path::function -> why it may be longer. A table of data is a reason; "grew" is not.
LARGE: dict[str, str] = {}
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "tools", "shared", "stuff"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
OUTSIDE = re.compile(r"/work/(?:main|shared|\.mirror)|\.\./shared|/root/\.pyenv|/home/\w+/")


def test_no_folder_or_file_has_a_name_that_says_nothing() -> None:
    vague = [module.relative for module in every_module() if VAGUE_NAMES & set(module.parts)]
    assert not vague, f"name it after what it does: {vague}"


def test_no_shell_is_called() -> None:
    wrong = []
    for module in every_module():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            has_shell = any(k.arg == "shell" and ast.unparse(k.value) != "False" for k in node.keywords)
            if called in SHELLS or (called.startswith("subprocess.") and has_shell):
                wrong.append(f"{module.relative}:{node.lineno}: {called}")
    assert not wrong, "\n".join(wrong)


def test_descriptors_are_close_on_exec() -> None:
    """os.open does it by itself since PEP 446; os.pipe2, memfd_create and every flag word of ours must say it."""
    wrong = []
    for module in every_module():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("os.pipe2", "os.memfd_create") and "CLOEXEC" not in ast.unparse(node):
                wrong.append(f"{module.relative}:{node.lineno}: {called} without CLOEXEC")
    assert not wrong, "\n".join(wrong)


def test_digits_are_ascii() -> None:
    """`²` and `١` are digits to Python, and `int` takes one of them: the programs ask for ASCII in the same breath.

    Not the client: it shows what it reads, and gives it on.
    """
    wrong = []
    for module in every_module():
        if not module.relative.startswith("slipway/docker/"):
            lines = enumerate(module.path.read_text().splitlines(), 1)
            asked = [(at, line) for at, line in lines if re.search(r"\.is(digit|decimal|numeric)\(\)", line)]
            wrong += [f"{module.relative}:{at}: {line.strip()}" for at, line in asked if "isascii()" not in line]
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_are_small(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(((_lines(m.path), m.relative) for m in every_module()), reverse=True)
    functions = sorted(
        ((length, f"{m.relative}::{name}") for m in every_module() for name, _, length in m.functions()), reverse=True
    )
    with capsys.disabled():
        for title, things in (("files", files), ("functions", functions)):
            sys.stdout.write("\n".join([f"\nlargest {title}:", *(f"  {size:4} {name}" for size, name in things[:10])]))
    too_large = [f"{size} {name}" for size, name in files if size > FILE_LIMIT and name not in LARGE]
    too_large += [f"{size} {name}" for size, name in functions if size > FUNCTION_LIMIT and name not in LARGE]
    assert not too_large, "\n".join(too_large)
    assert not [name for name, reason in LARGE.items() if not reason.strip()]


def _lines(path: Path) -> int:
    return path.read_text().count("\n")


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=False).stdout
    names = [name for name in listed.decode().split("\0") if name]
    return [CHECKOUT / name for name in names] or [p for p in CHECKOUT.rglob("*") if ".git" not in p.parts]


def test_nothing_refers_outside_the_repository() -> None:
    wrong = []
    for path in _tracked():
        if not path.is_file() or path == Path(__file__) or path.suffix in {".tar", ".gz", ".png", ".lock"}:
            continue
        text = path.read_text("utf-8", "replace")
        wrong += [
            f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if OUTSIDE.search(line)
        ]
    assert not wrong, "\n".join(wrong)


def test_no_todo_without_an_issue() -> None:
    wrong = []
    for module in every_module():
        with tokenize.open(module.path) as source:
            for token in tokenize.generate_tokens(source.readline):
                if token.type == tokenize.COMMENT and re.search(r"\b(TODO|FIXME|XXX)\b(?!.*#\d)", token.string):
                    wrong.append(f"{module.relative}:{token.start[0]}: {token.string}")
    assert not wrong, "\n".join(wrong)

"""tests/pending.txt: what does not pass yet. Named there, a test is expected to fail; when it passes, it must leave.

`pytest --write-pending FOLDERS` writes their part anew from what fails. tests/conftest.py takes the hooks in.
"""

import pytest

from tests.support.paths import CHECKOUT
from tests.support.programs import Programs

PENDING = CHECKOUT / "tests" / "pending.txt"
HEAD = """# What does not pass yet, one test per line. A test that passes must leave the list (xfail is strict).
# `pytest --write-pending tests/system` writes the lines of what it ran anew.
"""
FAILED = pytest.StashKey[set[str]]()
RAN = pytest.StashKey[set[str]]()


def names() -> set[str]:
    """The tests on the list, as `folder/file.py::test[case]`."""
    return {line for line in PENDING.read_text().splitlines() if line and not line.startswith("#")}


def name_of(item: pytest.Item) -> str:
    return item.nodeid.removeprefix("tests/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-pending", action="store_true", help="write tests/pending.txt anew from what fails")

    by_path = "our engine without the shim's template, its runc called by path"
    parser.addoption("--by-path", action="store_true", help=by_path)


def pytest_configure(config: pytest.Config) -> None:
    Programs.choose(by_path=config.getoption("--by-path"))
    config.stash[FAILED] = set()
    config.stash[RAN] = set()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--write-pending"):
        return
    pending = names()
    for item in items:
        if name_of(item) in pending:
            item.add_marker(pytest.mark.xfail(strict=True, reason="not there yet: tests/pending.txt"))


def note(item: pytest.Item, report: pytest.TestReport) -> None:
    """Keep what the list is written from."""
    item.config.stash[RAN].add(name_of(item))
    if report.failed:
        item.config.stash[FAILED].add(name_of(item))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--write-pending"):
        ran, failed = session.config.stash[RAN], session.config.stash[FAILED]
        listed = sorted((names() - ran) | failed)
        PENDING.write_text(HEAD + "".join(f"{name}\n" for name in listed))

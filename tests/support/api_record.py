"""Which methods of containerd's API the tests call: our containerd notes its calls, here they get their test's name.

Nothing of it is kept but for `./dev conformance --containerd`, which writes docs/conformance/containerd.md from it.
"""

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

FILE = "SLIPWAY_API_RECORD"
"""The environment's name for the file to which a session adds a line of JSON: `served` (a list of paths), `calls` (a
path's tests), `passed` (all tests that did) and `awaited` (those that are expected to fail)."""

LAUNCHER = """
sys.path.insert(0, {support!r})
import api_recorder
del sys.path[0]
api_recorder.install({report!r})
"""

_served: set[str] = set()
_calls: dict[str, set[str]] = defaultdict(set)
_passed: set[str] = set()
_failed: set[str] = set()
_awaited: set[str] = set()
_read = 0


def is_on() -> bool:
    return FILE in os.environ


def launcher_text() -> str:
    """What our containerd's launcher needs more, for its calls to be noted; empty where nobody asks for them."""
    if not is_on():
        return ""
    return LAUNCHER.format(support=str(CHECKOUT / "tests" / "support"), report=_report())


def note_report(report: pytest.TestReport) -> None:
    """The calls since the last report are this test's: its fixtures', its own, or its clean-up's."""
    if not is_on():
        return
    if report.failed:
        _failed.add(report.nodeid)
    elif hasattr(report, "wasxfail"):
        _awaited.add(report.nodeid)
    elif report.when == "call" and report.passed:
        _passed.add(report.nodeid)
    for line in _new_lines():
        if line.startswith("+"):
            _served.add(line[1:])
        else:
            _calls[line].add(report.nodeid)


def keep() -> None:
    """At the end of a session."""
    if not is_on():
        return
    passed = _passed - _failed
    kept = {
        "served": sorted(_served),
        "calls": {path: sorted(tests & passed) for path, tests in _calls.items()},
        "passed": sorted(passed),
        "awaited": sorted(_awaited),
    }
    with open(os.environ[FILE], "a") as file:
        file.write(json.dumps(kept) + "\n")


def _report() -> str:
    return f"{os.environ[FILE]}.calls"


def _new_lines() -> list[str]:
    global _read
    if not Path(_report()).exists():
        return []
    with open(_report(), "rb") as file:
        file.seek(_read)
        data = file.read()
        _read += len(data)
    return data.decode().splitlines()

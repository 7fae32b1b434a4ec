"""Skipping for a kernel feature that is missing, and nothing else: the features are named in tests/skips.toml."""

import tomllib
from functools import cache
from typing import NoReturn

import pytest

from tests.support.paths import CHECKOUT


@cache
def features() -> dict[str, str]:
    """Feature name -> what its absence means."""
    return dict(tomllib.loads((CHECKOUT / "tests" / "skips.toml").read_text())["features"])


def skip_without(feature: str) -> NoReturn:
    """Skip the test that asks, because the kernel lacks `feature`. KeyError when tests/skips.toml does not name it."""
    pytest.skip(f"{feature}: {features()[feature]}")


def is_allowed(reason: str) -> bool:
    """Whether a skip with this reason is one of the named kernel features."""
    return reason.removeprefix("Skipped: ").split(":")[0] in features()


def refuse_unnamed(report: pytest.TestReport) -> None:
    """Turn a skip that names no kernel feature of tests/skips.toml into a failure; leave everything else alone."""
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return
    reason = report.longrepr[2]
    if not is_allowed(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, but tests/skips.toml does not name the reason: {reason}"

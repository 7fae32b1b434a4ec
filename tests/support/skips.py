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

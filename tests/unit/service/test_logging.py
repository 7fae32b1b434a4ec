"""Which lines a daemon's log has, by the words of its configuration."""

import io
import logging
from collections.abc import Iterator

import pytest

from slipway.base.errors import InvalidArgument
from slipway.service.logging import start_logging


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_empty_words_are_the_defaults() -> None:
    """The original dockerd starts `containerd --config FILE` with `level = ""` and `format = ""` in it."""
    stream = io.StringIO()
    start_logging("", style="", stream=stream)
    logging.getLogger("slipway").debug("hidden")
    logging.getLogger("slipway").info("told")
    assert "level=info msg=told" in stream.getvalue()
    assert "hidden" not in stream.getvalue()


def test_unknown_words_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="loud"):
        start_logging("loud")
    with pytest.raises(InvalidArgument, match="xml"):
        start_logging(style="xml")

"""A pytest plugin: an interrupt that comes while a test cleans up waits until it has."""

import contextlib
import signal
from collections.abc import Generator, Iterator

import pytest


@contextlib.contextmanager
def interrupt_waits() -> Iterator[None]:
    """An interrupt in the block is raised at its end."""
    told: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: told.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if told:
            raise KeyboardInterrupt


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    with interrupt_waits():
        yield

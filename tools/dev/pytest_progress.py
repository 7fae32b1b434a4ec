"""A pytest plugin: one progress line on the terminal, and the counts of outcomes in the file SLIPWAY_RESULTS."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tools.dev.progress import Progress


class _Reporter:
    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.counts: Counter[str] = Counter()
        self.failed: list[str] = []
        self.done = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.progress.total = len(session.items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._count("failed", report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self.done += 1
            self.progress.at(self.done, report.nodeid.rpartition("/")[2][:80])
        if outcome := _outcome(report):
            self._count(outcome, report.nodeid)

    def _count(self, outcome: str, name: str) -> None:
        self.counts[outcome] += 1
        if outcome == "failed":
            self.failed.append(name)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        text = json.dumps({"counts": self.counts, "failed": self.failed})
        Path(os.environ["SLIPWAY_RESULTS"]).write_text(text)


def _outcome(report: pytest.TestReport) -> str:
    """passed, failed, skipped or xfailed; "" for the parts of a test that tell nothing of their own."""
    if report.failed:
        return "failed"
    if report.skipped:
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    return "passed" if report.when == "call" else ""


def pytest_configure(config: pytest.Config) -> None:
    progress = Progress(os.environ.get("SLIPWAY_RESULTS_NAME", "tests"))
    config.pluginmanager.register(_Reporter(progress))
    config.add_cleanup(lambda: progress.__exit__(None, None, None))

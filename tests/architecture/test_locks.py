"""The developer's lock is laid on top of the engine's, in one .venv, while an engine may run from it."""

import re

from tools.dev.environment import DEVELOPING, RUNNING

PIN = re.compile(r"^([\w.-]+==\S+)", re.MULTILINE)


def test_the_developer_s_lock_changes_nothing_of_the_engine_s() -> None:
    running, developing = (set(PIN.findall(lock.file.read_text())) for lock in (RUNNING, DEVELOPING))
    assert running
    assert running <= developing, f"./dev lock: {sorted(running - developing)}"

"""The freezer of v1, as far as a plain file can be one."""

from pathlib import Path

import pytest

from slipway.linux import cgroup_freezer, cgroups


def test_what_cannot_be_stopped_in_time_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that waits for a disk stays FREEZING, and all others of its group with it."""
    state = tmp_path / "freezer.state"
    state.write_text("THAWED")
    monkeypatch.setattr(cgroups, "read", lambda group, file: "FREEZING")
    with pytest.raises(TimeoutError):
        cgroup_freezer.set_frozen({"freezer": str(tmp_path)}, True, 0.01)
    assert state.read_text() == "THAWED"

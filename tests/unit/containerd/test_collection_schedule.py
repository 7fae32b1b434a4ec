"""When garbage is collected."""

import pytest

from slipway.containerd.collection.schedule import REST_SECONDS, Schedule


@pytest.mark.parametrize(("threshold", "due"), [(0, 1), (1, 1), (3, 3)])
def test_a_collection_is_due_after_so_many_deletions(threshold: int, due: int) -> None:
    schedule = Schedule(deletions=threshold)
    assert [schedule.is_due(count) for count in range(5)].index(True) == due


def test_long_collections_come_rarely() -> None:
    schedule = Schedule(pause_share=0.02, rest=1.0)
    assert schedule.seconds_until_next(0.001) == REST_SECONDS
    assert schedule.seconds_until_next(0.5) == pytest.approx(24.5)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_nothing_or_everything_is_no_limit(share: float) -> None:
    assert Schedule(pause_share=share, rest=2.0).seconds_until_next(100.0) == 2.0

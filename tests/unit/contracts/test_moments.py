"""Moments as users write them, and the words for what is none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.moments import SECOND, moment_from_text

NOW = 1_700_000_000 * SECOND + 5
DAY = 1_704_153_600  # 2024-01-02T00:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 1_700_000_000 - 600),
        ("1h30m", 1_700_000_000 - 5400),
        ("-10m", 1_700_000_000 + 600),
        ("0", 0),
        ("0s", 1_700_000_000),
        ("1700000001", 1_700_000_001),
        ("+5", 5),
        ("1700000001.5", 1_700_000_001.5),
        ("2024-01-02T03:04:05Z", DAY + 11045),
        ("2024-01-02T03:04:05.25Z", DAY + 11045.25),
        ("2024-01-02T03:04:05+01:00", DAY + 11045 - 3600),
        ("2024-01-02T03:04:05-01:00", DAY + 11045 + 3600),
        ("2024-01-02T03:04+01:00", DAY + 11040 - 3600),
        ("2024-01-02T03Z", DAY + 10800),
        ("2024-01-02Z", DAY),
        ("2024-01-02-01:00", DAY + 3600),
        ("2024-01-02", DAY - 7200),
        ("2024-01-02T03", DAY + 10800 - 7200),
        ("2024-01-02T03:04", DAY + 11040 - 7200),
        ("2024-01-02T03:04:05", DAY + 11045 - 7200),
        ("2024-01-02T03:04:05.5", DAY + 11045.5 - 7200),
    ],
)
def test_a_moment_is_a_duration_a_time_or_seconds(text: str, seconds: float) -> None:
    assert moment_from_text(text, now=NOW, offset=7200) == int(seconds * 100) * (SECOND // 100)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'failed to parse value as time or duration: ""'),
        ("yesterday", 'failed to parse value as time or duration: "yesterday"'),
        ("1e3", 'failed to parse value as time or duration: "1e3"'),
        ("10x", 'failed to parse value as time or duration: "10x"'),
        ("\u0661", 'failed to parse value as time or duration: "\u0661"'),
        ("9999999999999h", 'failed to parse value as time or duration: "9999999999999h"'),
        ("a-b", 'parsing time "a-b" as "2006-01-02": cannot parse "a-b" as "2006"'),
        ("2024-1-2", 'parsing time "2024-1-2" as "2006-01-02": cannot parse "1-2" as "01"'),
        ("2024-13-01", 'parsing time "2024-13-01": month out of range'),
        ("2024-02-30", 'parsing time "2024-02-30": day out of range'),
        ("2024-01-02T25", 'parsing time "2024-01-02T25": hour out of range'),
        ("2024-01-02x", 'parsing time "2024-01-02x": extra text: "x"'),
    ],
)
def test_what_is_no_moment_is_told_in_the_originals_words(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        moment_from_text(text, now=NOW, offset=0)
    assert raised.value.message == words


@given(st.one_of(st.text(max_size=30), st.text("0123456789-+:TZ. hms", max_size=30)))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    with suppress(InvalidArgument):
        assert isinstance(moment_from_text(text, now=NOW, offset=3600), int)

"""RFC 3339 times of the daemon as nanoseconds since the epoch, and times that people give for --since and --until.
Pure.
"""

from slipway.base.durations import duration_from_text
from slipway.base.errors import InvalidArgument

_SECOND = 1_000_000_000
_ZERO_YEAR = "0001-01-01T00:00:00Z"


def nanoseconds_from_rfc3339(text: str) -> int:
    """2026-11-24T01:02:03.5Z or with +01:00; 0 for Go's zero time. Raises InvalidArgument."""
    if text in ("", _ZERO_YEAR):
        return 0
    try:
        return _parse(text)
    except (ValueError, IndexError):
        raise InvalidArgument(f'parsing time "{text}" as RFC 3339: malformed') from None


def _parse(text: str) -> int:
    date, _, rest = text.partition("T")
    year, month, day = map(int, date.split("-"))
    clock, offset = rest, 0
    if rest.endswith("Z"):
        clock = rest[:-1]
    else:
        sign = max(rest.rfind("+"), rest.rfind("-"))
        clock, zone = rest[:sign], rest[sign:]
        hours, minutes = zone[1:].split(":")
        offset = (int(hours) * 60 + int(minutes)) * 60 * (-1 if zone[0] == "-" else 1)
    whole, _, fraction = clock.partition(".")
    hour, minute, second = map(int, whole.split(":"))
    seconds = (days_from_date(year, month, day) * 24 + hour) * 3600 + minute * 60 + second - offset
    return seconds * _SECOND + int((fraction + "0" * 9)[:9])


def days_from_date(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar. `calendar` would cost 8 ms to import."""
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def api_timestamp(text: str, now: int) -> str:
    """What --since takes (42m, RFC 3339 in part or whole, or seconds) as the API wants it: seconds.nanoseconds."""
    try:
        return _seconds(now - duration_from_text(text))
    except ValueError:
        pass
    if "T" in text or text.count("-") == 2:
        return _seconds(_parse_partial(text))
    return text


def _parse_partial(text: str) -> int:
    """A date alone, or a time without seconds or zone (then local time)."""
    import time

    date, _, clock = text.partition("T")
    has_zone = clock.endswith("Z") or "+" in clock or "-" in clock
    zone = ""
    if has_zone:
        at = len(clock) - 1 if clock.endswith("Z") else max(clock.rfind("+"), clock.rfind("-"))
        clock, zone = clock[:at], clock[at:]
    parts = clock.split(":") if clock else []
    full = f"{date}T{':'.join([*parts, *(['00'] * (3 - len(parts)))])}"
    if has_zone:
        return nanoseconds_from_rfc3339(full + zone)
    nanoseconds = nanoseconds_from_rfc3339(full + "Z")
    return nanoseconds - time.localtime(nanoseconds // _SECOND).tm_gmtoff * _SECOND


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds // _SECOND}.{nanoseconds % _SECOND:09d}"

"""Moments as users write them in `until`: 10m (ago), 2024-05-01T10:00, a day, or seconds since the epoch. Pure.

The words of what is none are those of Go's time.Parse, because users see them.
"""

import re
from datetime import date
from typing import Final

from slipway.base.durations import duration_from_text
from slipway.base.errors import InvalidArgument

SECOND: Final = 1_000_000_000
_LARGEST: Final = 1 << 63  # nanoseconds of Go's longest duration
_EPOCH: Final = date(1970, 1, 1).toordinal()
_SECONDS: Final = re.compile(r"([+-]?[0-9]{1,18})(?:\.([0-9]{1,18}))?")
# Go names the parts of a layout by the values that they have in one moment of the year 2006.
_PARTS: Final = {
    "2006": re.compile(r"[0-9]{4}"),
    "01": re.compile(r"[0-9]{2}"),
    "02": re.compile(r"[0-9]{2}"),
    "15": re.compile(r"[0-9]{1,2}"),
    "04": re.compile(r"[0-9]{2}"),
    "05": re.compile(r"[0-9]{2}(?:[.,][0-9]+)?"),
    "Z07:00": re.compile(r"Z|[+-][0-9]{2}:[0-9]{2}"),
}
_DATE: Final = ("2006", "-", "01", "-", "02")
_HOUR: Final = ("T", "15")
_MINUTE: Final = (*_HOUR, ":", "04")
_TIME: Final = (*_MINUTE, ":", "05")


def moment_from_text(text: str, *, now: int, offset: int) -> int:
    """Nanoseconds since the epoch. `offset`: seconds by which local time is ahead of UTC. Raises InvalidArgument."""
    if (ago := _duration(text)) is not None:
        return (now - ago) // SECOND * SECOND
    has_zone = any(sign in text for sign in "zZ+") or text.count("-") == 3
    layout = _layout(text, has_zone=has_zone)
    if (seconds := _SECONDS.fullmatch(text)) is not None and "-" not in text:
        fraction = (seconds[2] or "")[:9].ljust(9, "0")
        return int(seconds[1]) * SECOND + int(fraction)
    if "-" not in text:
        raise InvalidArgument(f'failed to parse value as time or duration: "{text}"')
    return _parsed(text, layout, offset)


def _duration(text: str) -> int | None:
    """None where it is none. "0" is the epoch, as the original."""
    if text == "0":
        return None
    try:
        ago = duration_from_text(text)
    except ValueError:
        return None
    return ago if -_LARGEST <= ago < _LARGEST else None


def _layout(text: str, *, has_zone: bool) -> tuple[str, ...]:
    """What the original holds `text` against, by the signs that are in it."""
    zone = ("Z07:00",) if has_zone else ()
    if "." in text:
        return (*_DATE, *_TIME, *zone)
    if "T" not in text:
        return (*_DATE, *zone)
    colons = text.count(":")
    if has_zone and not any(sign in text for sign in "zZ") and colons:
        colons -= 1  # that of the zone
    return (*_DATE, *(_HOUR, _MINUTE, _TIME)[min(colons, 2)], *zone)


def _parsed(text: str, layout: tuple[str, ...], offset: int) -> int:
    found: dict[str, str] = {}
    rest = text
    for part in layout:
        pattern = _PARTS.get(part)
        match = pattern.match(rest) if pattern else None
        if match is None and (pattern or not rest.startswith(part)):
            whole = "".join(layout).replace("05Z", "05.999999999Z") if "." in text else "".join(layout)
            raise InvalidArgument(f'parsing time "{text}" as "{whole}": cannot parse "{rest}" as "{part}"')
        taken = match[0] if match else part
        found[part], rest = taken, rest[len(taken) :]
    if rest:
        raise InvalidArgument(f'parsing time "{text}": extra text: "{rest}"')
    return _moment(text, found, offset)


def _moment(text: str, found: dict[str, str], offset: int) -> int:
    whole, _, fraction = found.get("05", "0").replace(",", ".").partition(".")
    month, hour, minute, second = int(found["01"]), int(found.get("15", 0)), int(found.get("04", 0)), int(whole)
    for name, value, low, high in (
        ("month", month, 1, 12),
        ("hour", hour, 0, 23),
        ("minute", minute, 0, 59),
        ("second", second, 0, 59),
    ):
        if not low <= value <= high:
            raise InvalidArgument(f'parsing time "{text}": {name} out of range')
    try:
        days = date(int(found["2006"]), month, int(found["02"])).toordinal() - _EPOCH
    except ValueError as error:
        raise InvalidArgument(f'parsing time "{text}": day out of range') from error
    if (zone := found.get("Z07:00")) is not None:
        offset = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:])) * (-60 if zone[0] == "-" else 60)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
    return seconds * SECOND + int(fraction[:9].ljust(9, "0"))

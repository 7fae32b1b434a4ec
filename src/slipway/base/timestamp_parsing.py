"""RFC 3339 timestamps read. Apart from `timestamps`, which the runtime imports: this needs `re` and `datetime`."""

import re
from datetime import date

from slipway.base.errors import InvalidArgument
from slipway.base.timestamps import NANOSECONDS

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH = date(1970, 1, 1).toordinal()


def nanoseconds_from_rfc3339(text: str) -> int:
    """Nanoseconds since the epoch, for any offset from UTC and up to nine digits of a fraction; before 1970 negative.

    Raises InvalidArgument.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"time {text!r} is not as 2006-01-02T15:04:05Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hour, offset_minute = match.groups()[6:]
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError as error:
        raise InvalidArgument(f"time {text!r}: {error}") from error
    offset = (int(offset_hour) * 60 + int(offset_minute)) * (-60 if sign == "-" else 60) if sign else 0
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
    return seconds * NANOSECONDS + int((fraction or "").ljust(9, "0"))

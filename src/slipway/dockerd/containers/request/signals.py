"""Signals by number or name, as `docker kill` takes them. Pure."""

import signal
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import integer_from_text

_BY_NAME: Final = {each.name.removeprefix("SIG"): each.value for each in signal.Signals}


def signal_number(text: str) -> int:
    """`9`, `KILL`, `sigkill`, `RTMIN+3` → number. Raises InvalidArgument."""
    if text.isascii() and text.isdigit():
        return integer_from_text(text, "signal", low=1, high=64)
    name = text.upper().removeprefix("SIG")
    for base, sign in (("RTMIN", 1), ("RTMAX", -1)):
        rest = name.removeprefix(base)
        if rest != name and rest[:1] in ("+", "-") and rest.isascii() and rest[1:].isdigit():
            number = _BY_NAME[base] + sign * integer_from_text(rest[1:], "signal", high=30)
            if _BY_NAME["RTMIN"] <= number <= _BY_NAME["RTMAX"]:
                return number
    if name in _BY_NAME:
        return _BY_NAME[name]
    raise InvalidArgument(f"invalid signal: {text}")

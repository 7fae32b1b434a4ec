"""Small pieces of text that several listings share: short ids, cut words, local times."""

import time

SHORT_ID_LENGTH = 12
_WIDE = (  # first and last code points that East Asian terminals draw two columns wide (Unicode TR 11)
    (0x1100, 0x115F),
    (0x2E80, 0xA4CF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF00, 0xFF60),
    (0xFFE0, 0xFFE6),
    (0x1F300, 0x1FAFF),
    (0x20000, 0x3FFFD),
)


def short_id(identifier: str) -> str:
    """The first twelve characters, after a possible `sha256:`."""
    _, colon, rest = identifier.partition(":")
    return (rest if colon else identifier)[:SHORT_ID_LENGTH]


def ellipsis(text: str, columns: int) -> str:
    """At most `columns` wide; what is cut off becomes one `…`."""
    if columns <= 0:
        return ""
    if columns == 1:
        return text[:1]
    if text.isascii():
        return text if len(text) <= columns else text[: columns - 1] + "…"
    widths = [2 if any(first <= ord(character) <= last for first, last in _WIDE) else 1 for character in text]
    if sum(widths) <= columns:
        return text
    used = 0
    for index, width in enumerate(widths):
        used += width
        if used > columns - 1:
            return text[:index] + "…"
    return text


def local_time(seconds: int) -> str:
    """2026-11-24 01:02:03 +0000 UTC, as Go prints a local time."""
    moment = time.localtime(seconds)
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", moment)


def rfc3339_local(seconds: int) -> str:
    """2026-11-24T01:02:03Z, or with the local offset."""
    moment = time.localtime(seconds)
    offset = time.strftime("%z", moment)
    zone = "Z" if offset in ("+0000", "") else f"{offset[:3]}:{offset[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", moment) + zone


def go_time(text: str) -> str:
    """An RFC 3339 time of the daemon as Go prints one: 2026-11-24 01:02:03.5 +0000 UTC."""
    if not text.endswith("Z"):
        date, _, clock = text.partition("T")
        at = max(clock.rfind("+"), clock.rfind("-"))
        zone = clock[at:].replace(":", "")
        return f"{date} {clock[:at]} {zone} {'UTC' if zone == '+0000' else zone}"
    return f"{text[:-1].replace('T', ' ', 1)} +0000 UTC"

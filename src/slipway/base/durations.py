"""Durations as Go writes and reads them: 1m30s, 500ms. Pure."""

_DIGITS = frozenset("0123456789")
_SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


def duration_from_text(text: str) -> int:
    """Go's durations (1h2m3.5s, 300ms, 0) in nanoseconds. ValueError carries the original's words."""
    rest = text[1:] if text[:1] in ("-", "+") and text else text
    negative = text[:1] == "-"
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0
    while rest:
        number_length = 0
        while number_length < len(rest) and (rest[number_length] in _DIGITS or rest[number_length] == "."):
            number_length += 1
        unit_length = number_length
        while unit_length < len(rest) and rest[unit_length] not in _DIGITS and rest[unit_length] != ".":
            unit_length += 1
        number, unit, rest = rest[:number_length], rest[number_length:unit_length], rest[unit_length:]
        if not number.strip(".") or number.count(".") > 1:
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        whole, _, fraction = number.partition(".")
        scale = _UNITS[unit]
        total += int(whole or "0") * scale + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)
    return -total if negative else total


def go_duration(nanoseconds: int) -> str:
    """Go's Duration.String: 1m30s, 1.5s, 300ms, 0s."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit, scale in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if rest < scale * 1000:
            return f"{sign}{_decimal(rest, scale)}{unit}"
    hours, rest = divmod(rest, 3600 * _SECOND)
    minutes, rest = divmod(rest, 60 * _SECOND)
    shown = f"{_decimal(rest, _SECOND)}s"
    if hours or minutes:
        shown = f"{minutes}m{shown}"
    return f"{sign}{hours}h{shown}" if hours else f"{sign}{shown}"


def _decimal(value: int, scale: int) -> str:
    whole, fraction = divmod(value, scale)
    if not fraction:
        return str(whole)
    return f"{whole}.{str(fraction).rjust(len(str(scale)) - 1, '0').rstrip('0')}"

"""Sizes and spans of time in the words that `docker ps` and `docker images` use."""

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
SECOND = 1_000_000_000


def decimal_size(size: float, *, precision: int = 4) -> str:
    """4.72MB: powers of 1000, `precision` significant digits."""
    return _scaled(size, 1000.0, _DECIMAL, precision)


def binary_size(size: float) -> str:
    """4.5MiB: powers of 1024, four significant digits."""
    return _scaled(size, 1024.0, _BINARY, 4)


def _scaled(size: float, base: float, units: tuple[str, ...], precision: int) -> str:
    index = 0
    while size >= base and index < len(units) - 1:
        size /= base
        index += 1
    return f"{general(size, precision)}{units[index]}"


def general(value: float, precision: int) -> str:
    """C's %.Ng; Go's differs in the exponent's width only, which no size reaches."""
    return f"{value:.{precision}g}"


def span_in_words(nanoseconds: int) -> str:
    """About how long, in English: "5 minutes", "About an hour", "3 weeks"."""
    seconds = nanoseconds // SECOND if nanoseconds >= 0 else -(-nanoseconds // SECOND)
    if seconds < 1:
        return "Less than a second"
    if seconds == 1:
        return "1 second"
    if seconds < 60:
        return f"{seconds} seconds"
    minutes = seconds // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = (seconds + 1800) // 3600
    if hours == 1:
        return "About an hour"
    return f"{hours} hours" if hours < 48 else _days_in_words(hours)


def _days_in_words(hours: int) -> str:
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{hours // 24 // 365} years"

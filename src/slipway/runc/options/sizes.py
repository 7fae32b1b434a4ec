"""Sizes as Docker's programs write them: `64m`, `1.5 GB`, `64MiB`; all units are powers of 1024. Pure."""

_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_SUFFIXES = ("", "b", "ib")
_NUMBER = frozenset("0123456789.")


def bytes_from_text(text: str) -> "int | None":
    """None for what is no size. Source: docker/go-units, RAMInBytes."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    suffix = text[len(number) :].lower()
    number = number.removesuffix(" ")
    unit, rest = (suffix[:1], suffix[1:]) if suffix[:1] in _UNITS else ("", suffix)
    if rest not in _SUFFIXES or (rest == "ib" and not unit):
        return None
    if not number.strip(".") or not _NUMBER.issuperset(number) or number.count(".") > 1 or len(number) > 20:
        return None
    return int(float(number) * (1 << _UNITS[unit])) if "." in number else int(number) << _UNITS[unit]

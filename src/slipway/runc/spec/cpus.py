"""A list of CPUs as the specification writes it: `0-3,7`. Pure."""

from slipway.base.errors import InvalidArgument

_LIMIT = 1024  # as many as the C library's set holds; the original's bound, too
_DIGITS = frozenset("0123456789")


def cpus_from_text(text: str, what: str) -> "frozenset[int] | None":
    """The numbers; None for no text. Blanks around an element and empty elements are allowed.

    Raises InvalidArgument naming `what`.
    """
    if not text:
        return None
    cpus: set[int] = set()
    for element in text.split(","):
        element = element.strip()
        if not element:
            continue
        first, dash, last = element.partition("-")
        low = _number(first, what)
        high = _number(last, what) if dash else low
        if low > high:
            raise InvalidArgument(f"bad {what}: invalid range: {element}")
        cpus.update(range(low, high + 1))
    if not cpus:
        raise InvalidArgument(f'bad {what}: no CPUs found in "{text}"')
    return frozenset(cpus)


def _number(text: str, what: str) -> int:
    if not text or not _DIGITS.issuperset(text) or len(text) > 9:
        raise InvalidArgument(f'bad {what}: "{text}" is not a number')
    if int(text) >= _LIMIT:
        raise InvalidArgument(f"bad {what}: values larger than {_LIMIT - 1} are not supported")
    return int(text)

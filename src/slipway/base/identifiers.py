"""Names that may become part of a path are checked here first. By hand, not by `re`: runc imports this."""

from slipway.base.errors import InvalidArgument

_ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_HEXADECIMAL = frozenset("0123456789abcdef")
_DIGITS = frozenset("0123456789")


def is_full_id(text: str) -> bool:
    """64 lower-case hexadecimal digits: what dockerd calls a container."""
    return len(text) == 64 and _HEXADECIMAL.issuperset(text)


def check_identifier(text: str, what: str = "identifier") -> str:
    """containerd's rule for ids and namespaces: alphanumerics joined by single `-`, `_` or `.`, 76 characters at most.

    Returns `text`; raises InvalidArgument. No path separator, dot-dot or empty name passes.
    """
    previous_separator = True
    for character in text:
        if character in _ALPHANUMERIC:
            previous_separator = False
        elif character in "-_." and not previous_separator:
            previous_separator = True
        else:
            break
    else:
        if text and not previous_separator and len(text) <= 76:
            return text
    raise InvalidArgument(
        f"{what} {text!r} must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$ and have at most 76 characters"
    )


def check_container_name(text: str) -> str:
    """Docker's rule for container names: [a-zA-Z0-9][a-zA-Z0-9_.-]+; raises InvalidArgument."""
    if len(text) >= 2 and text[0] in _ALPHANUMERIC and all(c in _ALPHANUMERIC or c in "_.-" for c in text[1:]):
        return text
    raise InvalidArgument(f"Invalid container name ({text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")


def integer_from_text(text: str, what: str = "number", *, low: int = 0, high: int = (1 << 63) - 1) -> int:
    """ASCII digits with an optional minus, nothing else: `int()` takes `1_0`, ` 1 ` and other scripts' digits too."""
    digits = text[1:] if text[:1] == "-" else text
    if digits and len(digits) <= 20 and _DIGITS.issuperset(digits):
        value = int(text)
        if low <= value <= high:
            return value
    raise InvalidArgument(f"{what} {text!r} is not a whole number from {low} to {high}")

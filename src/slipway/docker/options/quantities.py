"""Numbers, sizes and the other small grammars of flag values. ValueError carries the original's words."""

_DIGITS = frozenset("0123456789")
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_BINARY_UNITS = "bkmgtp"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def boolean_from_text(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def integer_parser(bits: int, *, signed: bool = True) -> "Callable[[str], int]":
    """A parser for numbers of `bits` bits, decimal or with Go's prefixes (0x, 0o, 0b, a leading 0, underscores)."""
    function = "ParseInt" if signed else "ParseUint"
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def parse(text: str) -> int:
        value = _go_integer(text, signed=signed)
        if value is None:
            raise ValueError(f'strconv.{function}: parsing "{text}": invalid syntax')
        if not low <= value <= high:
            raise ValueError(f'strconv.{function}: parsing "{text}": value out of range')
        return value

    return parse


def _go_integer(text: str, *, signed: bool) -> int | None:
    digits = text
    if signed and text[:1] in ("+", "-") and text:
        digits = text[1:]
    if not digits or not digits.isascii() or not digits[0].isdigit() or digits != digits.strip():
        return None
    try:
        is_octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
        value = int(digits, 8 if is_octal else 0)
    except ValueError:
        return None
    return -value if text[0] == "-" else value


def bytes_from_text(text: str) -> int:
    """64, 64k, 1.5GiB: a size with binary units (k = 1024)."""
    number_end = 0
    for number_end in range(len(text), -1, -1):
        if number_end and text[number_end - 1] in "0123456789.":
            break
    number, suffix = text[:number_end], text[number_end:]
    if not number:
        raise ValueError(f"invalid size: '{text}'")
    if suffix.startswith(" "):
        suffix = suffix[1:]
    value = _size_number(number)
    suffix = suffix.lower()
    if not suffix:
        return int(value)
    power = _BINARY_UNITS.find(suffix[0])
    if power < 0 or suffix[1:] not in ("", "b", "ib") or (suffix[0] == "b" and suffix != "b"):
        raise ValueError(f"invalid suffix: '{suffix}'")
    return int(value * (1 << 10 * power))


def _size_number(text: str) -> float:
    try:
        value = float(text) if "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax')
    if value < 0:
        raise ValueError(f"invalid size: '{text}'")
    return value


def swap_from_text(text: str) -> int:
    """A size, or -1 for no limit."""
    return -1 if text == "-1" else bytes_from_text(text)


def nano_cpus_from_text(text: str) -> int:
    """1.5 processors (or 3/2) as billionths; at most nine decimals count."""
    numerator, slash, denominator = text.partition("/")
    try:
        if slash:
            value, divisor = int(numerator) * 1_000_000_000, int(denominator)
        else:
            value, divisor = _decimal_billionths(numerator)
        if divisor == 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"failed to parse {text} as a rational number") from None
    if value % divisor:
        raise ValueError("value is too precise")
    return value // divisor


def _decimal_billionths(text: str) -> tuple[int, int]:
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole.lstrip("+-") + fraction
    if not digits or not _DIGITS.issuperset(digits):
        raise ValueError
    power = 9 - len(fraction) + (int(exponent) if exponent else 0)
    value = -int(digits) if whole.startswith("-") else int(digits)
    return (value * 10**power, 1) if power >= 0 else (value, 10**-power)


def filter_from_text(text: str) -> tuple[str, str]:
    """NAME=VALUE for --filter; "" means none."""
    if not text:
        return "", ""
    name, separator, value = text.partition("=")
    if not separator:
        raise ValueError("bad format of filter (expected name=value)")
    return name.strip().lower(), value.strip()

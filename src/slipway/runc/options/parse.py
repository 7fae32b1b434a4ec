"""Flags as the original's callers write them: -x, --x, --x=v, --x v; after arguments too, except for `exec`. Pure."""

from slipway.base.errors import InvalidArgument

SWITCH = "switch"
TEXT = "text"
TEXTS = "texts"
NUMBER = "number"
NUMBERS = "numbers"
DURATION = "duration"

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_DIGITS = frozenset("0123456789")
# Seconds. Source: Go's time.ParseDuration, whose texts callers write.
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class UsageError(InvalidArgument):
    """The command line itself is wrong: the help of the command is shown beside the error.

    `title` is what the original says before it.
    """

    def __init__(self, message: str, title: str = "") -> None:
        super().__init__(message)
        self.title = title or f"Incorrect Usage: {message}"


class Flag:
    """`names` are its spellings without dashes, the first being its name in `Options`."""

    __slots__ = ("kind", "names")

    def __init__(self, kind: str, *names: str) -> None:
        self.kind = kind
        self.names = names


_HELP = Flag(SWITCH, "help", "h")


class Options:
    """What was given. Absent texts are empty, absent switches off, absent numbers None."""

    __slots__ = ("arguments", "values")

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.arguments: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self.values[name][-1] if name in self.values else default

    def texts(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def switch(self, name: str) -> bool:
        return self.text(name) in _TRUE

    def number(self, name: str) -> "int | None":
        return int(self.values[name][-1]) if name in self.values else None

    def given(self, name: str) -> bool:
        return name in self.values

    @property
    def help(self) -> bool:
        """Whether --help was given, which every command takes."""
        return self.switch("help")


def parse_options(flags: tuple[Flag, ...], words: list[str], *, interleaved: bool) -> Options:
    """`interleaved`: flags may follow arguments; otherwise the first argument ends the flags. `--` always does.

    An unknown flag behind an argument is an argument, as with the original. Raises UsageError in the original's words.
    """
    by_name = {name: flag for flag in (_HELP, *flags) for name in flag.names}
    options = Options()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.arguments.extend(rest)
            break
        name, separator, value = word.lstrip("-").partition("=")
        flag = by_name.get(name)
        if not word.startswith("-") or word == "-" or (flag is None and options.arguments):
            options.arguments.append(word)
            if not interleaved:
                options.arguments.extend(rest)
                break
            continue
        if not name or word.startswith("---"):
            raise UsageError(f"bad flag syntax: {word}")
        if flag is None:
            raise UsageError(f"flag provided but not defined: -{name}")
        options.values.setdefault(flag.names[0], []).append(_value(flag, name, separator, value, rest))
    return options


def _value(flag: Flag, name: str, separator: str, value: str, rest: list[str]) -> str:
    if flag.kind == SWITCH:
        if not separator:
            return "true"
        if value not in _TRUE | _FALSE:
            raise UsageError(f'invalid boolean value "{value}" for -{name}: parse error')
        return value
    if not separator:
        if not rest:
            raise UsageError(f"flag needs an argument: -{name}")
        value = rest.pop(0)
    _check_value(flag.kind, name, value)
    return value


def _check_value(kind: str, name: str, value: str) -> None:
    if kind == NUMBER and not is_whole_number(value):
        raise UsageError(f'invalid value "{value}" for flag -{name}: parse error')
    if kind == NUMBERS and not is_whole_number(value):
        raise UsageError(f'invalid value "{value}" for flag -{name}: not a whole number')
    if kind == DURATION and seconds_from_duration(value) is None:
        raise UsageError(f'invalid value "{value}" for flag -{name}: parse error')


def is_whole_number(text: str) -> bool:
    """ASCII digits with an optional sign, as many as fit into 64 bits."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    return bool(digits) and _DIGITS.issuperset(digits) and -(1 << 63) <= int(text[:21]) < 1 << 63 and len(text) <= 20


def seconds_from_duration(text: str) -> "float | None":
    """`5s`, `1m30s`, `1.5h`, `0`; None for what is no duration."""
    sign, rest = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text[1:] if text[:1] == "+" else text)
    if rest == "0":
        return 0.0
    total = 0.0
    while rest:
        digits = _leading(rest, "0123456789.")
        rest = rest[len(digits) :]
        unit = _leading(rest, "nuµmsh")
        rest = rest[len(unit) :]
        if unit not in _UNITS or digits.count(".") > 1 or digits in ("", ".") or len(digits) > 18:
            return None
        total += float(digits) * _UNITS[unit]
    return sign * total if text.strip("+-") else None


def _leading(text: str, alphabet: str) -> str:
    return text[: len(text) - len(text.lstrip(alphabet))]


def check_arguments(verb: str, options: Options, low: int, high: "int | None" = None) -> None:
    """Between `low` and `high` arguments (no `high`: any number from `low` on)."""
    count = len(options.arguments)
    wanted = ""
    if high == low and count != low:
        wanted = f"exactly {low}"
    elif count < low:
        wanted = f"a minimum of {low}"
    elif high is not None and count > high:
        wanted = f"a maximum of {high}"
    if wanted:
        raise UsageError(f'runc: "{verb}" requires {wanted} argument(s)', "Incorrect Usage.")

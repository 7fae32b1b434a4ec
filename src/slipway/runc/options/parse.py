"""Flags as the original's callers write them: -x, --x, --x=v, --x v; after arguments too, except for `exec`. Pure."""

from slipway.base.errors import InvalidArgument

SWITCH = "switch"
TEXT = "text"
TEXTS = "texts"

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


class Flag:
    """`names` are its spellings without dashes, the first being its name in `Options`."""

    __slots__ = ("kind", "names")

    def __init__(self, kind: str, *names: str) -> None:
        self.kind = kind
        self.names = names


class Options:
    """What was given. Absent texts are empty, absent switches off."""

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

    def given(self, name: str) -> bool:
        return name in self.values


def parse_options(flags: tuple[Flag, ...], words: list[str], *, interleaved: bool) -> Options:
    """`interleaved`: flags may follow arguments; otherwise the first argument ends the flags. `--` always does.

    Raises InvalidArgument in the original's words.
    """
    by_name = {name: flag for flag in flags for name in flag.names}
    options = Options()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.arguments.extend(rest)
            break
        if not word.startswith("-") or word == "-":
            options.arguments.append(word)
            if not interleaved:
                options.arguments.extend(rest)
                break
            continue
        name, separator, value = word.lstrip("-").partition("=")
        flag = by_name.get(name)
        if flag is None:
            raise InvalidArgument(f"flag provided but not defined: -{name}")
        options.values.setdefault(flag.names[0], []).append(_value(flag, name, separator, value, rest))
    return options


def _value(flag: Flag, name: str, separator: str, value: str, rest: list[str]) -> str:
    if flag.kind == SWITCH:
        if not separator:
            return "true"
        if value not in _TRUE | _FALSE:
            raise InvalidArgument(f'invalid boolean value "{value}" for -{name}')
        return value
    if separator:
        return value
    if not rest:
        raise InvalidArgument(f"flag needs an argument: -{name}")
    return rest.pop(0)


def check_arguments(verb: str, options: Options, low: int, high: "int | None" = None) -> None:
    """Between `low` and `high` arguments (no `high`: any number from `low` on)."""
    count = len(options.arguments)
    if high == low and count != low:
        raise InvalidArgument(f'runc: "{verb}" requires exactly {low} argument(s)')
    if count < low:
        raise InvalidArgument(f'runc: "{verb}" requires a minimum of {low} argument(s)')
    if high is not None and count > high:
        raise InvalidArgument(f'runc: "{verb}" requires a maximum of {high} argument(s)')

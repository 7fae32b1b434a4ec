"""The functions that --format templates know: Go's own, and those that Docker adds."""

from slipway.docker.output.quoting import go_quote
from slipway.docker.output.template_values import Missing, Nil, is_true, show, to_json, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class FunctionError(Exception):
    """A function refused its arguments; the message is what follows `error calling NAME: `."""


def _join(parts: "Any", separator: str) -> str:
    return separator.join(str(part) for part in parts) if parts else ""


def _title(text: str) -> str:
    return "".join(
        character.upper() if index == 0 or text[index - 1].isspace() else character
        for index, character in enumerate(text)
    )


def _pad(text: str, before: int, after: int) -> str:
    return f"{' ' * before}{text}{' ' * after}" if text else text


def _truncate(text: str, length: int) -> str:
    return text if len(text) < length else text[:length]


def _index(value: "Any", *keys: "Any") -> object:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key, "")
        elif isinstance(value, (list, tuple, str)):
            if not isinstance(key, int) or isinstance(key, bool):
                raise FunctionError(f"cannot index slice/array with type {type_name(key)}")
            if not 0 <= key < len(value):
                raise FunctionError(f"error calling index: index out of range: {key}")
            value = ord(value[key]) if isinstance(value, str) else value[key]
        elif value is None or isinstance(value, Missing):
            raise FunctionError("error calling index: index of untyped nil")
        else:
            raise FunctionError(f"error calling index: can't index item of type {type_name(value)}")
    return value


def _length(value: "Any") -> int:
    if value is None or isinstance(value, Nil):
        return 0
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, (dict, list, tuple)):
        return len(value)
    raise FunctionError(f"error calling len: len of type {type_name(value)}")


def _slice(value: "Any", start: int = 0, end: int | None = None) -> object:
    if value is None or not 0 <= start <= (len(value) if end is None else end) <= len(value):
        raise FunctionError(f"error calling slice: index out of range: {start}")
    return value[start:end]


def _equal(first: "Any", *others: "Any") -> bool:
    if not others:
        raise FunctionError("error calling eq: missing argument for comparison")
    for other in others:
        if first is not None and other is not None and _basic_kind(first) != _basic_kind(other):
            raise FunctionError("error calling eq: incompatible types for comparison")
    return any(first == other for other in others)


def _basic_kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return "integer" if isinstance(value, int) else type(value).__name__


def _comparison(name: str, compare: "Callable[[Any, Any], bool]") -> "Callable[[Any, Any], bool]":
    def run(first: "Any", second: "Any") -> bool:
        if _basic_kind(first) != _basic_kind(second) or not isinstance(first, (int, float, str)):
            raise FunctionError(f"error calling {name}: incompatible types for comparison")
        return compare(first, second)

    return run


def _print(*values: "Any") -> str:
    """Operands are separated by blanks where neither is a string."""
    pieces: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            pieces.append(" ")
        pieces.append(show(value))
    return "".join(pieces)


def _println(*values: "Any") -> str:
    return " ".join(map(show, values)) + "\n"


def _printf(template: str, *values: "Any") -> str:
    """%s %v %d %q %t %x %f %%, with width and precision as C has them."""
    pieces = []
    rest = list(values)
    position = 0
    while (start := template.find("%", position)) >= 0:
        pieces.append(template[position:start])
        end = start + 1
        while end < len(template) and template[end] in "0123456789.-+# ":
            end += 1
        verb = template[end : end + 1]
        position = end + 1
        if verb == "%":
            pieces.append("%")
        elif not rest:
            pieces.append(f"%!{verb}(MISSING)")
        else:
            pieces.append(_formatted(template[start:end], verb, rest.pop(0)))
    pieces.append(template[position:])
    return "".join(pieces)


def _formatted(flags: str, verb: str, value: "Any") -> str:
    if verb == "q":
        return (flags + "s") % go_quote(show(value))
    if verb in "sv":
        return (flags + "s") % show(value)
    if verb == "t":
        return (flags + "s") % show(bool(value))
    if verb in "dxXofeg" and isinstance(value, (int, float)):
        return str((flags + verb) % value)
    if verb == "x":
        return (flags + "s") % str(value).encode("utf-8", "surrogateescape").hex()
    return f"%!{verb}({type_name(value)}={show(value)})"


FUNCTIONS: "Mapping[str, Callable[..., Any]]" = {
    "json": to_json,
    "split": lambda text, separator: str(text).split(separator) if separator else list(str(text)),
    "join": _join,
    "title": _title,
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "pad": _pad,
    "truncate": _truncate,
    "index": _index,
    "len": _length,
    "slice": _slice,
    "not": lambda value: not is_true(value),
    "eq": _equal,
    "ne": lambda first, second: not _equal(first, second),
    "lt": _comparison("lt", lambda first, second: first < second),
    "le": _comparison("le", lambda first, second: first <= second),
    "gt": _comparison("gt", lambda first, second: first > second),
    "ge": _comparison("ge", lambda first, second: first >= second),
    "print": _print,
    "println": _println,
    "printf": _printf,
    "and": lambda *values: values,  # `and` and `or` stop early: the evaluator handles them
    "or": lambda *values: values,
}

# A table's header line is the template run over the column titles: functions that would mangle a title give it back.
HEADER_FUNCTIONS: "Mapping[str, Callable[..., Any]]" = {
    **FUNCTIONS,
    **{name: lambda title, *_rest: title for name in ("json", "split", "join", "title", "lower", "upper", "truncate")},
}

"""containerd's filters: `name==nginx,labels."com.example/role"~=^web`. Pure: text in, a decision out.

A filter is a list of selectors joined by commas, all of which must match. A selector is a field path, alone (the field
is present) or with `==`, `!=` or `~=` and a value; space may stand before each of them. Several filters match when one
of them does; no filter matches all. Text in double quotes has Go's escapes; a pattern, after `~=`, may stand between
slashes or bars as well, with the same escapes. A pattern that is no regular expression of Go's matches nothing.
Source: containerd pkg/filters/filter.go, parser.go.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.pattern_steps import Pattern
from slipway.base.regular_expressions import regular_expression

FieldOf = Callable[[tuple[str, ...]], str | None]
"""The text of an object's field by its path; None when the object has no such field."""

_WORK_LIMIT: Final = 200_000  # characters of a pattern times those of a text; some 50 times 100 are usual
_OPERATORS: Final = ("==", "!=", "~=")
_FIELD: Final = re.compile(r"[A-Za-z0-9_]+")
_OPERATOR: Final = re.compile(r"[=!~]+")
_QUOTED: Final = re.compile(r"""(["/|])((?:(?!\1)[^\\\n]|\\.)*)\1""")
_BARE_VALUE: Final = re.compile(r"""[^\s,."/|=!~][^\s,]*""")
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL
)
_ESCAPED: Final[Mapping[str, str]] = {
    "\\": "\\",
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}


@dataclass(frozen=True, slots=True)
class Selector:
    """One condition. `operator` is empty for presence; `pattern` is compiled for `~=` (None: no regular expression).

    Whoever may call says the pattern, and the text: neither may hold up the others who are served.
    """

    path: tuple[str, ...]
    operator: str = ""
    value: str = ""
    pattern: Pattern | None = None

    def matches(self, field_of: FieldOf) -> bool:
        """Absent fields read as empty text for `!=` and `~=`, and never equal anything."""
        text = field_of(self.path)
        if not self.operator:
            return text is not None
        if self.operator == "==":
            return text is not None and text == self.value
        if self.operator == "!=":
            return text != self.value
        is_short = len(self.value) * len(text or "") <= _WORK_LIMIT
        return self.pattern is not None and is_short and self.pattern.is_in(text or "")


@dataclass(frozen=True, slots=True)
class Filters:
    """Alternatives of selectors that must all match."""

    alternatives: tuple[tuple[Selector, ...], ...]

    def matches(self, field_of: FieldOf) -> bool:
        if not self.alternatives:
            return True
        return any(all(selector.matches(field_of) for selector in every) for every in self.alternatives)


def filters_from_texts(texts: Iterable[str]) -> Filters:
    """Parse filters; raises InvalidArgument that shows the place. An empty text matches everything."""
    return Filters(tuple(_Parser(text).selectors() for text in texts))


def field_of_map(values: Mapping[str, str], path: tuple[str, ...]) -> str | None:
    """A label by the rest of a path: `labels.a.b` and `labels."a.b"` mean the same key."""
    return values.get(".".join(path))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def selectors(self) -> tuple[Selector, ...]:
        if not self._text:
            return ()
        found = [self._selector()]
        while self._take(","):
            found.append(self._selector())
        if self._at != len(self._text):
            raise self._error("expected a comma")
        return tuple(found)

    def _selector(self) -> Selector:
        path = [self._field()]
        while self._take("."):
            path.append(self._field())
        if self._at == len(self._text) or self._text[self._at] == ",":
            return Selector(tuple(path))
        operator = self._match(_OPERATOR)
        if operator is None or operator[0] not in _OPERATORS:
            raise self._error("expected ==, != or ~=")
        return self._condition(tuple(path), operator[0])

    def _condition(self, path: tuple[str, ...], operator: str) -> Selector:
        value = self._value(quotes='"/|' if operator == "~=" else '"')
        if operator != "~=":
            return Selector(path, operator, value)
        return Selector(path, operator, value, regular_expression(value))

    def _field(self) -> str:
        if (match := self._match(_QUOTED)) is not None:
            return self._unquoted(match, '"')
        if (match := self._match(_FIELD)) is not None:
            return match[0]
        raise self._error("expected the name of a field")

    def _value(self, *, quotes: str) -> str:
        if (match := self._match(_QUOTED)) is not None:
            return self._unquoted(match, quotes)
        if (match := self._match(_BARE_VALUE)) is not None:
            return match[0]
        raise self._error("expected a value")

    def _unquoted(self, match: re.Match[str], quotes: str) -> str:
        quote = match[1]
        if quote not in quotes:
            raise self._error(f"{quote} quotes only a pattern")

        def escaped(escape: re.Match[str]) -> str:
            byte, short, long, octal, one = escape.groups()
            if byte or octal:  # a byte of a text in UTF-8
                return chr(int(byte, 16) if byte else int(octal, 8))
            if short or long:
                return chr(int(short or long, 16)).encode("utf-8", "surrogatepass").decode("latin-1")
            if one == quote:
                return quote
            if one not in _ESCAPED:
                raise self._error(f"there is no escape \\{one}")
            return _ESCAPED[one]

        parts: list[str] = []
        at = 0
        for escape in _ESCAPE.finditer(match[2]):
            parts += [match[2][at : escape.start()].encode().decode("latin-1"), escaped(escape)]
            at = escape.end()
        parts.append(match[2][at:].encode().decode("latin-1"))
        return "".join(parts).encode("latin-1").decode("utf-8", "replace")

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        at = self._at
        while at < len(self._text) and self._text[at].isspace():
            at += 1
        match = pattern.match(self._text, at)
        if match is not None:
            self._at = match.end()
        return match

    def _take(self, token: str) -> bool:
        """No space may stand before it."""
        found = self._text.startswith(token, self._at)
        self._at += len(token) if found else 0
        return found

    def _error(self, expected: str) -> InvalidArgument:
        shown = f"{self._text[: self._at]} >|{self._text[self._at :]}|<"
        return InvalidArgument(f"parse filter [{shown}]: {expected}")

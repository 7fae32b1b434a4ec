"""containerd's filters: `name==nginx,labels."com.example/role"~=^web`. Pure: text in, a decision out.

A filter is a list of selectors joined by commas, all of which must match. A selector is a field path, alone (the
field is
present) or with `==`, `!=` or `~=` and a value. Space between them does not count. Several filters match when one of
them does; no filter matches all.
Source: containerd pkg/filters/filter.go, parser.go.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import InvalidArgument

FieldOf = Callable[[tuple[str, ...]], str | None]
"""The text of an object's field by its path; None when the object has no such field."""

_OPERATORS: Final = ("==", "!=", "~=")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_BARE_VALUE: Final = re.compile(r"[^\s,\"]+")
# After `~=`, a pattern may stand between slashes or bars, so that its backslashes need no doubling.
_PATTERN: Final = re.compile(r"/((?:[^/\\]|\\.)*)/|\|((?:[^|\\]|\\.)*)\|")
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")
_ESCAPED: Final[Mapping[str, str]] = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Selector:
    """One condition. `operator` is empty for presence; `pattern` is compiled for `~=`."""

    path: tuple[str, ...]
    operator: str = ""
    value: str = ""
    pattern: re.Pattern[str] | None = None

    def matches(self, field_of: FieldOf) -> bool:
        """Absent fields read as empty text for `!=` and `~=`, and never equal anything."""
        text = field_of(self.path)
        if not self.operator:
            return text is not None
        if self.operator == "==":
            return text is not None and text == self.value
        if self.operator == "!=":
            return text != self.value
        assert self.pattern is not None
        return self.pattern.search(text or "") is not None


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
        for operator in _OPERATORS:
            if self._take(operator):
                return self._condition(tuple(path), operator)
        return Selector(tuple(path))

    def _condition(self, path: tuple[str, ...], operator: str) -> Selector:
        value = self._value(may_be_pattern=operator == "~=")
        if operator != "~=":
            return Selector(path, operator, value)
        try:
            return Selector(path, operator, value, re.compile(value))
        except re.error as error:
            raise self._error(f"pattern {value!r}: {error}") from error

    def _field(self) -> str:
        if (match := self._match(_QUOTED)) is not None:
            return _unquoted(match[0])
        if (match := self._match(_NAME)) is not None:
            return match[0]
        raise self._error("expected the name of a field")

    def _value(self, *, may_be_pattern: bool) -> str:
        if may_be_pattern and (match := self._match(_PATTERN)) is not None:
            return match[1] if match[1] is not None else match[2]
        if (match := self._match(_QUOTED)) is not None:
            return _unquoted(match[0])
        if (match := self._match(_BARE_VALUE)) is not None:
            return match[0]
        raise self._error("expected a value")

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self._skip_spaces()
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _take(self, token: str) -> bool:
        self._skip_spaces()
        found = self._text.startswith(token, self._at)
        self._at += len(token) if found else 0
        return found

    def _skip_spaces(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _error(self, expected: str) -> InvalidArgument:
        shown = f"{self._text[: self._at]} >|{self._text[self._at :]}|<"
        return InvalidArgument(f"parse filter [{shown}]: {expected}")


def _unquoted(quoted: str) -> str:
    return _ESCAPE.sub(_escaped, quoted[1:-1])


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)

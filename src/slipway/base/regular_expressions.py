"""Go's regular expressions: the patterns of name filters. Pure; scripts as classes (\\p{Greek}) are not known.

Source: github.com/google/re2 doc/syntax.txt; Go's regexp/syntax.
"""

import unicodedata
from functools import lru_cache
from typing import Final

from slipway.base.pattern_steps import (
    LENGTH_LIMIT,
    Holds,
    Malformed,
    Pattern,
    Scanner,
    Step,
    at_places,
    either,
    one,
    repeated,
    sequence,
)

_DEPTH_LIMIT: Final = 20  # parentheses within parentheses
_REPEAT_LIMIT: Final = 1000  # as RE2, also of repetitions within repetitions
_CONTROLS: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_DIGITS: Final = frozenset("0123456789")
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") | _DIGITS
_PERL: Final = {"d": _DIGITS, "s": frozenset("\t\n\f\r "), "w": _WORD}
_LETTERS: Final = _WORD - _DIGITS - {"_"}
_POSIX: Final = {
    "alnum": _LETTERS | _DIGITS,
    "alpha": _LETTERS,
    "ascii": frozenset(map(chr, range(128))),
    "blank": frozenset("\t "),
    "cntrl": frozenset(map(chr, (*range(32), 127))),
    "digit": _DIGITS,
    "graph": frozenset(map(chr, range(33, 127))),
    "lower": frozenset(c for c in _LETTERS if c.islower()),
    "print": frozenset(map(chr, range(32, 127))),
    "punct": frozenset(map(chr, range(33, 127))) - _LETTERS - _DIGITS,
    "space": frozenset("\t\n\v\f\r "),
    "upper": frozenset(c for c in _LETTERS if c.isupper()),
    "word": _WORD,
    "xdigit": frozenset("0123456789abcdefABCDEF"),
}


@lru_cache(maxsize=64)  # a list holds each of its names against the same one
def regular_expression(text: str) -> Pattern | None:
    """As Go's regexp; None for what is none, or is beyond what anybody writes to name a container."""
    if len(text) > LENGTH_LIMIT:
        return None
    try:
        return Pattern(_Expression(text).whole())
    except Malformed:
        return None


class _Expression(Scanner):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._ignores_case = False
        self._dot_is_all = False
        self._by_line = False

    def whole(self) -> Step:
        step, _ = self._alternatives()
        if self.rest:
            raise Malformed  # a parenthesis too many
        return step

    def _alternatives(self) -> tuple[Step, int]:
        """The step, and how often its innermost part may be repeated."""
        found = [self._concatenation()]
        while self.take("|"):
            found.append(self._concatenation())
        steps = [step for step, _ in found]
        together = steps[0] if len(steps) == 1 else either(steps)
        return together, max(repeats for _, repeats in found)

    def _concatenation(self) -> tuple[Step, int]:
        steps: list[Step] = []
        most = 1
        while self.rest and self.text[self.at] not in "|)":
            step, repeats = self._repetitions()
            steps.append(step)
            most = max(most, repeats)
        return sequence(steps), most

    def _repetitions(self) -> tuple[Step, int]:
        step, repeats = self._atom()
        if (count := self._count()) is not None:
            low, high = count
            repeats *= max(low, high or 0, 1)
            if repeats > _REPEAT_LIMIT:
                raise Malformed
            step = repeated(step, low, high)
            self.take("?")  # the shorter match first: the same for who asks only whether there is one
            if self._count() is not None:
                raise Malformed  # RE2 repeats no repetition
        return step, repeats

    def _count(self) -> tuple[int, int | None] | None:
        for sign, count in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return count
        end = self.text.find("}", self.at)
        if not self.text.startswith("{", self.at) or end < 0:
            return None
        low, comma, high = self.text[self.at + 1 : end].partition(",")
        if not _is_number(low) or (high and not _is_number(high)):
            return None  # a brace and nothing else
        self.at = end + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if least > _REPEAT_LIMIT or (most is not None and (most > _REPEAT_LIMIT or most < least)):
            raise Malformed
        return least, most

    def _atom(self) -> tuple[Step, int]:
        character = self.next()
        if character == "(":
            return self._group()
        return self._single(character), 1

    def _single(self, character: str) -> Step:
        match character:
            case "*" | "+" | "?":
                raise Malformed
            case ".":
                everything = self._dot_is_all
                return one(lambda c: everything or c != "\n")
            case "^":
                return _begin_of_line if self._by_line else _begin
            case "$":
                return _end_of_line if self._by_line else _end
            case "[":
                return self._with_case(self._class())
            case "\\":
                return self._escape()
            case _:
                return self._with_case(lambda c: c == character)

    def _group(self) -> tuple[Step, int]:
        flags = (self._ignores_case, self._dot_is_all, self._by_line)
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            raise Malformed
        if self.take("?") and not (self.take("P<") or self.take("<")):
            self._set_flags()
            if self.text[self.at - 1] == ")":  # (?i): from here to the end of the group around it
                self._depth -= 1
                return sequence([]), 1
        elif self.text[self.at - 1] == "<":
            name = self.until(">")
            if not name or not _WORD.issuperset(name):
                raise Malformed
        found = self._alternatives()
        if not self.take(")"):
            raise Malformed
        self._depth -= 1
        self._ignores_case, self._dot_is_all, self._by_line = flags
        return found

    def _set_flags(self) -> None:
        wanted = True
        while (flag := self.next()) not in ":)":
            if flag == "-" and wanted:
                wanted = False
            elif flag == "i":
                self._ignores_case = wanted
            elif flag == "s":
                self._dot_is_all = wanted
            elif flag == "m":
                self._by_line = wanted
            elif flag != "U":
                raise Malformed

    def _escape(self) -> Step:
        if self.take("Q"):
            at = self.text.find("\\E", self.at)
            end = at if at >= 0 else len(self.text)
            quoted, self.at = self.text[self.at : end], end + (2 if at >= 0 else 0)
            return sequence([self._with_case(_is(wanted)) for wanted in quoted])
        for letter, step in (("A", _begin), ("z", _end), ("b", _word_edge), ("B", _no_word_edge)):
            if self.take(letter):
                return step
        return self._with_case(self._escaped_class())

    def _escaped_class(self) -> Holds:
        """After a backslash, within a class or outside."""
        character = self.next()
        if (known := _PERL.get(character.lower())) is not None:
            negated = character.isupper()
            return lambda c: (c in known) != negated
        if character in "pP":
            return self._category(negated=character == "P")
        wanted = self._escaped_character(character)
        return lambda c: c == wanted

    def _escaped_character(self, character: str) -> str:
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character == "x":
            digits = self.until("}") if self.take("{") else self.next() + self.next()
            if not digits or not _POSIX["xdigit"].issuperset(digits) or int(digits, 16) > 0x10FFFF:
                raise Malformed
            return chr(int(digits, 16))
        if character in _WORD or ord(character) >= 128:
            raise Malformed  # an escape that there is not
        return character

    def _category(self, *, negated: bool) -> Holds:
        """\\pL, \\p{Lu}: Unicode's general categories; scripts are not known."""
        name = self.until("}") if self.take("{") else self.next()
        if name.startswith("^"):
            name, negated = name[1:], not negated
        if len(name) > 2 or name[:1] not in "CLMNPSZ" or not name:
            raise Malformed
        return lambda c: unicodedata.category(c).startswith(name) != negated

    def _class(self) -> Holds:
        negated = self.take("^")
        parts: list[Holds] = []
        while not (parts and self.take("]")):
            parts.append(self._class_part())
        return lambda c: any(holds(c) for holds in parts) != negated

    def _class_part(self) -> Holds:
        if self.take("[:"):
            name = self.until(":]")
            negated = name.startswith("^")
            if (known := _POSIX.get(name.removeprefix("^"))) is None:
                raise Malformed
            return lambda c: (c in known) != negated
        low = self.next()
        if low == "\\":
            following = self.text[self.at : self.at + 1]
            if following.lower() in {*_PERL, "p"} and following:
                return self._escaped_class()
            low = self._escaped_character(self.next())
        if not self.text.startswith("-", self.at) or self.text.startswith("-]", self.at):
            return lambda c: c == low
        self.at += 1
        high = self.next()
        if high == "\\":
            high = self._escaped_character(self.next())
        if high < low:
            raise Malformed
        return lambda c: low <= c <= high

    def _with_case(self, holds: Holds) -> Step:
        if not self._ignores_case:
            return one(holds)
        return one(lambda c: holds(c) or holds(c.lower()) or holds(c.upper()))


def _is(character: str) -> Holds:
    return lambda c: c == character


def _is_number(text: str) -> bool:
    return 0 < len(text) <= 4 and _DIGITS.issuperset(text)


def _is_word_edge(text: str, at: int) -> bool:
    before, after = text[at - 1 : at] if at else "", text[at : at + 1]
    return (before in _WORD) != (after in _WORD)


_begin: Final = at_places(lambda text, at: at == 0)
_end: Final = at_places(lambda text, at: at == len(text))
_begin_of_line: Final = at_places(lambda text, at: at == 0 or text[at - 1] == "\n")
_end_of_line: Final = at_places(lambda text, at: at == len(text) or text[at] == "\n")
_word_edge: Final = at_places(_is_word_edge)
_no_word_edge: Final = at_places(lambda text, at: not _is_word_edge(text, at))

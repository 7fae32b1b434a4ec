"""Patterns as steps between the places of a text. Pure, and never slow.

Python's `re` may need longer than anybody waits for a pattern such as `(a+)+$`; here every part of a pattern leads from
a set of places in the text to a set of places, so that the work is bounded by pattern times text, as with Go's RE2.
"""

from collections.abc import Callable
from typing import Final

Places = frozenset[int]
Step = Callable[[str, Places], Places]
"""From the places where a part may begin to those where it may end."""
Holds = Callable[[str], bool]

LENGTH_LIMIT: Final = 1000  # characters of a pattern
_NOTHING: Final[Places] = frozenset()


class Pattern:
    """What a text is held against."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def is_in(self, text: str) -> bool:
        """Whether any part of `text` matches."""
        return bool(self._step(text, frozenset(range(len(text) + 1))))

    def is_all_of(self, text: str) -> bool:
        return len(text) in self._step(text, frozenset((0,)))


class Malformed(Exception):
    """No pattern; only who asks for one sees this."""


class Scanner:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def rest(self) -> bool:
        return self.at < len(self.text)

    def next(self) -> str:
        if not self.rest:
            raise Malformed
        self.at += 1
        return self.text[self.at - 1]

    def take(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def until(self, end: str) -> str:
        """What stands before the next `end`, which is taken, too."""
        at = self.text.find(end, self.at)
        if at < 0:
            raise Malformed
        found, self.at = self.text[self.at : at], at + len(end)
        return found


def one(holds: Holds) -> Step:
    """One character of which `holds` is true."""
    return lambda text, places: frozenset(at + 1 for at in places if at < len(text) and holds(text[at]))


def literal(character: str) -> Step:
    """That character."""
    return one(lambda c: c == character)


def sequence(steps: list[Step]) -> Step:
    """One after the other."""

    def follow(text: str, places: Places) -> Places:
        for step in steps:
            if not places:
                break
            places = step(text, places)
        return places

    return follow


def either(steps: list[Step]) -> Step:
    """One of them."""
    return lambda text, places: _NOTHING.union(*(step(text, places) for step in steps))


def repeated(step: Step, low: int, high: int | None) -> Step:
    """At least `low` times; without `high` as often as it leads to new places."""

    def follow(text: str, places: Places) -> Places:
        for _ in range(low):
            places = step(text, places)
        reached = new = places
        count = low
        while new and (high is None or count < high):
            new = step(text, new) - reached
            reached |= new
            count += 1
        return reached

    return follow


def at_places(holds: Callable[[str, int], bool]) -> Step:
    """No character, at places that are as `holds` says."""
    return lambda text, places: frozenset(at for at in places if holds(text, at))

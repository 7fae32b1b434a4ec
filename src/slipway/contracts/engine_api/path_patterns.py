"""Go's path.Match: the patterns of `docker images --filter reference=`. Pure."""

from slipway.base.pattern_steps import (
    LENGTH_LIMIT,
    Malformed,
    Pattern,
    Scanner,
    Step,
    literal,
    one,
    repeated,
    sequence,
)


def path_pattern(text: str) -> Pattern | None:
    """As Go's path.Match: `*` and `?` stop at a slash; None for a malformed one. Use `is_all_of`."""
    if len(text) > LENGTH_LIMIT:
        return None
    try:
        return Pattern(_PathPattern(text).whole())
    except Malformed:
        return None


class _PathPattern(Scanner):
    def whole(self) -> Step:
        parts: list[Step] = []
        while self.rest:
            character = self.next()
            if character == "*":
                parts.append(repeated(one(lambda c: c != "/"), 0, None))
            elif character == "?":
                parts.append(one(lambda c: c != "/"))
            elif character == "[":
                parts.append(self._class())
            else:
                parts.append(literal(self.next() if character == "\\" else character))
        return sequence(parts)

    def _class(self) -> Step:
        negated = self.take("^")
        ranges: list[tuple[str, str]] = []
        while not (ranges and self.take("]")):
            low = self._bound()
            ranges.append((low, self._bound() if self.take("-") else low))
        return one(lambda c: any(low <= c <= high for low, high in ranges) != negated)

    def _bound(self) -> str:
        character = self.next()
        if character in "-]":
            raise Malformed
        return self.next() if character == "\\" else character

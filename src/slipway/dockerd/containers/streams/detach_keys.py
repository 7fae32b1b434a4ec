"""The keys that leave a terminal without ending the program: `ctrl-p,ctrl-q`. Pure."""

from typing import Final

from slipway.base.errors import InvalidArgument

DEFAULT: Final = "ctrl-p,ctrl-q"
_SPECIAL: Final = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def key_bytes(text: str) -> bytes:
    """`ctrl-a,x` → b"\\x01x"; empty for the default. Raises InvalidArgument."""
    return bytes(_key(part) for part in (text or DEFAULT).split(","))


def _key(part: str) -> int:
    if len(part) == 1 and part.isascii():
        return ord(part)
    name = part.removeprefix("ctrl-")
    if name != part and len(name) == 1:
        if "a" <= name.lower() <= "z":
            return ord(name.lower()) - ord("a") + 1
        if name in _SPECIAL:
            return _SPECIAL[name]
    raise InvalidArgument(f"invalid escape keys ({part}) provided: unknown character")


class DetachFilter:
    """Takes input as it comes and holds back what may be the beginning of the keys."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What is to be passed on, and whether the keys were met: nothing after them counts."""
        passed = bytearray()
        for byte in data:
            if byte == self._keys[self._matched]:
                self._matched += 1
                if self._matched == len(self._keys):
                    return bytes(passed), True
                continue
            passed += self._keys[: self._matched]
            self._matched = 1 if byte == self._keys[0] else 0
            if not self._matched:
                passed.append(byte)
        return bytes(passed), False

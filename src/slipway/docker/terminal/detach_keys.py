"""The key sequence that detaches from a container (ctrl-p,ctrl-q unless told otherwise). Pure."""

DEFAULT_SEQUENCE = b"\x10\x11"
_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def sequence_from_text(text: str) -> bytes:
    """`ctrl-a,x` as bytes; raises ValueError at an unknown key."""
    codes = []
    for key in text.split(","):
        if len(key) == 1:
            codes.append(ord(key) & 0xFF)
            continue
        name = key[5:].lower() if key[:5].lower() == "ctrl-" else ""
        if len(name) == 1 and "a" <= name <= "z":
            codes.append(ord(name) - ord("a") + 1)
        elif name in _CONTROL:
            codes.append(_CONTROL[name])
        else:
            raise ValueError(f"Unknown character: '{key}'")
    return bytes(codes)


class DetachFilter:
    """Looks for the sequence in what is typed. A part of it is held back until it is clear that it is not the
    sequence.
    """

    __slots__ = ("_matched", "_sequence", "is_detached")

    def __init__(self, sequence: bytes) -> None:
        self._sequence = sequence
        self._matched = 0
        self.is_detached = False

    def feed(self, data: bytes) -> bytes:
        """What of `data` goes on to the container. After the sequence `is_detached` is true and nothing more goes
        on.
        """
        passed = bytearray()
        for code in data:
            if code == self._sequence[self._matched]:
                self._matched += 1
                if self._matched == len(self._sequence):
                    self.is_detached = True
                    return bytes(passed)
                continue
            passed += self._sequence[: self._matched]
            self._matched = 0
            if code == self._sequence[0]:
                self._matched = 1
            else:
                passed.append(code)
        return bytes(passed)

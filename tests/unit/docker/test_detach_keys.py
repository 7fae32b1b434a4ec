"""The detach sequence in what is typed, however it arrives."""

import pytest

from slipway.docker.terminal.detach_keys import DEFAULT_SEQUENCE, DetachFilter, sequence_from_text


def feed(pieces: list[bytes], sequence: bytes = DEFAULT_SEQUENCE) -> tuple[bytes, bool]:
    keys = DetachFilter(sequence)
    passed = b"".join(keys.feed(piece) for piece in pieces)
    return passed, keys.is_detached


@pytest.mark.parametrize(
    ("pieces", "passed", "detached"),
    [
        ([b"abc"], b"abc", False),
        ([b"ab\x10\x11cd"], b"ab", True),
        ([b"a\x10", b"\x11"], b"a", True),
        ([b"a\x10", b"b"], b"a\x10b", False),
        ([b"\x10\x10\x11"], b"\x10", True),
        ([b"\x10"], b"", False),
    ],
)
def test_default_sequence(pieces: list[bytes], passed: bytes, detached: bool) -> None:
    assert feed(pieces) == (passed, detached)


@pytest.mark.parametrize(
    ("text", "sequence"),
    [("ctrl-a", b"\x01"), ("ctrl-p,ctrl-q", b"\x10\x11"), ("a,ctrl-[", b"a\x1b"), ("ctrl-@", b"\0")],
)
def test_sequences(text: str, sequence: bytes) -> None:
    assert sequence_from_text(text) == sequence


def test_unknown_key() -> None:
    with pytest.raises(ValueError, match="Unknown character: 'ctrl-1'"):
        sequence_from_text("ctrl-1")

"""The head of filters, run by a small interpreter of classic BPF."""

import struct

import pytest

from slipway.linux.seccomp_stub import enosys_stub

X86_64, X32, I386, AARCH64 = 0xC000003E, 0x4000003E, 0x40000003, 0xC00000B7
ENOSYS = 0x00050000 | 38
PASSED = "the filter itself"


def run(program: bytes, architecture: int, number: int) -> int | str:
    """What the kernel would return, or PASSED where the filter's own code would begin."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = position = 0
    while position < len(instructions):
        code, if_true, if_false, constant = instructions[position]
        position += 1
        if code == 0x20:
            accumulator = {0: number, 4: architecture}[constant]
        elif code == 0x06:
            return constant
        else:
            held = {
                0x15: accumulator == constant,
                0x25: accumulator > constant,
                0x45: bool(accumulator & constant),
            }[code]
            position += if_true if held else if_false
    return PASSED


STUB = enosys_stub({X86_64: 450, X32: 0x40000000 | 547, I386: 460})


@pytest.mark.parametrize(
    ("architecture", "number", "answer"),
    [
        (X86_64, 0, PASSED),
        (X86_64, 450, PASSED),
        (X86_64, 451, ENOSYS),
        (X86_64, 0x40000000 | 547, PASSED),
        (X86_64, 0x40000000 | 548, ENOSYS),
        (I386, 460, PASSED),
        (I386, 461, ENOSYS),
        (AARCH64, 9999, PASSED),
    ],
)
def test_only_newer_calls_of_known_architectures_are_unknown(architecture: int, number: int, answer: int | str) -> None:
    assert run(STUB, architecture, number) == answer


def test_without_x32_its_calls_go_to_the_filter() -> None:
    assert run(enosys_stub({X86_64: 450}), X86_64, 0x40000000 | 1) == PASSED


def test_without_architectures_there_is_no_head() -> None:
    assert enosys_stub({}) == b""

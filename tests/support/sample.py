"""Which cases of a large matrix are in its sample: chosen by name, so that a new case moves no other."""

from collections.abc import Iterable
from zlib import crc32

import pytest


def is_in_sample(name: str, one_in: int) -> bool:
    """Whether the case of this name is one of the `one_in`-th part that every run takes."""
    return crc32(name.encode()) % one_in == 0


def of_lines(lines: Iterable[str], one_in: int) -> list[object]:
    """The lines as cases: what is not in the sample is marked as the matrix's."""
    return [pytest.param(line, marks=[] if is_in_sample(line, one_in) else [pytest.mark.matrix]) for line in lines]

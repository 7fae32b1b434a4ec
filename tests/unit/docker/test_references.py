"""The client's reader of references, which does without `re`, answers as the daemon's does."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from slipway.base import references as daemons
from slipway.base.errors import InvalidArgument
from slipway.docker.options import references as clients

PIECES = [*"aA:/@_-. \n", "//", "__", "___", "--", "\xb2", "\xe9", "1" * 130, "b" * 64, "localhost", "x.y", "[::1]"]
PIECES += ["5000", "library", "nginx", "docker.io", "index.docker.io", f"@sha256:{'a' * 64}", f"sha256:{'g' * 64}"]


def answer(parse: Callable[[str], Any], text: str) -> str | tuple[str, ...]:
    try:
        found = parse(text)
    except InvalidArgument as error:
        return str(error).removeprefix("invalid reference format: ")
    return (found.domain, found.path, found.tag, found.digest)


def test_both_readers_answer_alike() -> None:
    chance = random.Random(20_261_126)
    for _ in range(20_000):
        text = "".join(chance.choices(PIECES, k=chance.randint(1, 6)))
        assert answer(clients.parse_reference, text) == answer(daemons.parse_reference, text), repr(text)


@pytest.mark.parametrize(("text", "named"), [("A:b:c", "library/A"), ("x.y/A:b", "A"), ("A@x", "library/A@x")])
def test_capitals_are_named_up_to_the_first_colon(text: str, named: str) -> None:
    for parse in (clients.parse_reference, daemons.parse_reference):
        with pytest.raises(InvalidArgument, match="must be lowercase") as refused:
            parse(text)
        assert f"repository name ({named}) must" in str(refused.value)

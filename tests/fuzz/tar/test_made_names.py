"""Archives made at random of a few names, links and climbs, from a fixed seed: nothing outside the root changes."""

import random
from contextlib import suppress

import pytest

from slipway.archive.extract import Whiteouts
from slipway.base.errors import InvalidArgument
from tests.unit.archive.conftest import Place, directory, entry, hard_link, place, symlink

__all__ = ["place"]
WORDS = ("..", "..", "a", "b", "c", "nosuch", "outside", "secret", ".", "")
BATCHES, BATCH = 10, 150


def _path(chance: random.Random) -> str:
    start = chance.choice(("", "", "/", "nosuch/"))
    return start + "/".join(chance.choice(WORDS) for _ in range(chance.randint(1, 6)))


def _climb(chance: random.Random) -> str:
    """Out, by way of something that is there or not."""
    start = chance.choice(("", "/", "a/", "b/c/", f"new{chance.random()}/"))
    return start + "../" * chance.randint(1, 4) + chance.choice(("outside", "outside/secret", "outside/new"))


def _entry(chance: random.Random) -> bytes:
    name = _path(chance)
    kind = chance.randrange(6)
    if kind < 2:
        return symlink(name, _climb(chance) if chance.random() < 0.5 else _path(chance) or "a")
    if kind == 2:
        return hard_link(name, _path(chance))
    if kind == 3:
        return directory(name)
    return entry(f"{name}/.wh.{chance.choice(WORDS)}" if chance.random() < 0.2 else name, b"evil")


@pytest.mark.parametrize("batch", range(BATCHES))
def test_whatever_is_named_stays_inside(place: Place, batch: int) -> None:
    """`place` itself watches the outside."""
    chance = random.Random(batch)
    for _ in range(BATCH):
        with suppress(InvalidArgument):
            place.unpack(*(_entry(chance) for _ in range(12)), whiteouts=chance.choice(list(Whiteouts)))

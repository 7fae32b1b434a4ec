"""Our containerd and the originals (1.7 and 2.1) answer every call with the same codes, messages and replies."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.containerd.answers import Answer, Api, Told, differences
from tests.compat.containerd.stories import STORIES
from tests.integration.containerd.daemon import OurContainerd
from tests.support import peers
from tests.support.peers import OriginalContainerd

pytestmark = [pytest.mark.root, pytest.mark.peers]


@pytest.fixture(scope="module", params=sorted(peers.SUITES))
def original(
    request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path
) -> Iterator[OriginalContainerd]:
    containerd = OriginalContainerd(request.param, short_folder / f"answers-{request.param}")
    try:
        yield containerd
    finally:
        containerd.stop()


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.name)
def test_every_answer_is_the_original_s(shared: OurContainerd, original: OriginalContainerd, told: Told) -> None:
    namespace = f"{told.name}-{original.suite}"
    theirs, ours = (asyncio.run(play(told, address, namespace)) for address in (original.address, shared.address))
    assert not (found := differences(theirs, ours, told, original.suite)), "\n".join(found)


async def play(told: Told, address: str, namespace: str) -> list[Answer]:
    """Tell the story to the containerd there; what it answered."""
    api = Api(address)
    try:
        await api.enter(namespace)
        await told.story(api)
    finally:
        api.close()
    return api.answers

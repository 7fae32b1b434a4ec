"""Our containerd and the originals (1.7 and 2.1) answer every call with the same codes, messages and replies."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.transport.aio.grpc_client import GrpcChannel
from tests.compat.containerd.answers import Answer, Api, Refused, Told, differences, method_of
from tests.compat.containerd.stories import STORIES
from tests.integration.containerd.daemon import OurContainerd
from tests.support.containerd_api import ORIGINAL, UNSERVED
from tests.support.peers import OriginalContainerd

pytestmark = [pytest.mark.root, pytest.mark.peers]


@pytest.fixture(scope="module", params=["sid", pytest.param("trixie", marks=pytest.mark.matrix)])
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


class Undecodable:
    """No request of any kind: field 0, which none has."""

    @staticmethod
    def SerializeToString() -> bytes:
        return b"\x07"


async def unknown_at(address: str) -> set[str]:
    """The methods that the containerd there does not know; no other is called to its end."""
    channel, found = GrpcChannel(address, Refused), set()
    for path in GRPC:
        method = replace(method_of("version.Version"), path=path)
        try:
            async with channel.open(method, headers={}, timeout=30) as stream:
                await stream.send(Undecodable, last=True)
                await stream.receive()
        except Refused as refused:
            if refused.told.startswith("unimplemented: unknown"):
                found.add(path)
    channel.close()
    return found


GRPC = [path for path in ORIGINAL if ".ttrpc." not in path]


def test_the_list_of_methods_is_the_original_s(short_folder: Path) -> None:
    original = OriginalContainerd("sid", short_folder / "methods")
    try:
        assert asyncio.run(unknown_at(original.address)) == set()
    finally:
        original.stop()


def test_ours_lacks_only_what_has_a_reason(shared: OurContainerd) -> None:
    assert asyncio.run(unknown_at(shared.address)) == UNSERVED.keys()

"""Registries that stall, break off, redirect, lie and never have enough: an error in bounded time, or a way around."""

import asyncio
import gzip
import itertools
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InvalidArgument, NotFound, Unauthenticated, Unavailable
from slipway.base.references import Reference
from slipway.clients.registry.model import AskLogin, Host, Login, Patience, anonymous
from slipway.clients.registry.repository import RegistryRepository
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci.image import DOCUMENT_LIMIT, OCI_MANIFEST

from .conftest import Answer, Asked, Registry, drip

Result = TypeVar("Result")
QUICK = Patience(answer=0.6, progress=0.3, document=0.6, pauses=(0.01, 0.01), longest_pause=0.5)
BLOB = bytes(range(256)) * 20_000  # 5 MB
TARGET = Descriptor(media_type="application/octet-stream", digest=digest_of(BLOB), size=len(BLOB))
MANIFEST = b'{"schemaVersion": 2}'
DOCUMENT = Descriptor(media_type=OCI_MANIFEST, digest=digest_of(MANIFEST), size=len(MANIFEST))
BY_TAG = Reference("registry.example", "team/app", "1")
BY_DIGEST = Reference("registry.example", "team/app", "", DOCUMENT.digest)
Use = Callable[[RegistryRepository], Awaitable[Result]]


def ask(use: Use[Result], *hosts: Host | Registry, login: AskLogin = anonymous, patience: Patience = QUICK) -> Result:
    """What `use` makes of a repository behind `hosts`; an error within 20 seconds counts as one."""

    async def main() -> Result:
        places = [each if isinstance(each, Host) else Host(base=f"http://{each.domain}/v2") for each in hosts]
        repository = RegistryRepository(BY_TAG, places, login, patience)
        try:
            async with asyncio.timeout(20):
                return await use(repository)
        finally:
            await repository.close()

    return asyncio.run(main())


async def blob(repository: RegistryRepository) -> bytes:
    async with repository.blob(TARGET) as pieces:
        return b"".join([piece async for piece in pieces])


async def manifest(repository: RegistryRepository) -> bytes:
    return await repository.manifest(DOCUMENT)


async def tag(repository: RegistryRepository) -> Descriptor:
    return await repository.resolve(BY_TAG)


async def digest(repository: RegistryRepository) -> Descriptor:
    return await repository.resolve(BY_DIGEST)


async def me(host: str, challenges: tuple[str, ...]) -> Login:
    return Login(username="me", secret="very secret")


def rest_of(asked: Asked, *, told: str = "") -> Answer:
    start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
    told = told or f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"
    return Answer(206 if start else 200, body=BLOB[start:], headers={"Content-Range": told} if start else {})


def test_a_digest_that_is_pulled_is_what_was_asked_for(registry: Registry) -> None:
    """A registry that does not say how long a manifest is could give another one."""
    unsaid: dict[str, str] = {"Transfer-Encoding": "identity"}
    registry.answer = lambda asked: Answer(stream=[] if asked.method == "HEAD" else [b'{"other": 1}'], headers=unsaid)
    with pytest.raises(EngineError):
        ask(digest, registry)
    registry.answer = lambda asked: Answer(stream=[] if asked.method == "HEAD" else [MANIFEST])
    assert ask(digest, registry).digest == DOCUMENT.digest


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_without_head_is_asked_for_the_manifest(registry: Registry, status: int) -> None:
    registry.answer = lambda asked: Answer(status) if asked.method == "HEAD" else Answer(body=MANIFEST)
    assert ask(tag, registry).digest == DOCUMENT.digest


def test_a_manifest_that_is_announced_too_large_is_not_asked_for(registry: Registry) -> None:
    headers = {"Docker-Content-Digest": DOCUMENT.digest, "Content-Length": str(DOCUMENT_LIMIT + 1)}
    registry.answer = lambda asked: Answer(headers=headers)
    with pytest.raises(InvalidArgument, match="its manifest is larger than"):
        ask(tag, registry)
    assert [asked.method for asked in registry.asked] == ["HEAD"]


@pytest.mark.parametrize("use", [tag, manifest])
def test_a_body_without_end_is_an_error_in_little_memory(registry: Registry, use: Use[object]) -> None:
    registry.answer = lambda asked: Answer(stream=itertools.repeat(b" " * 65536) if asked.method == "GET" else [])
    tracemalloc.start()
    try:
        with pytest.raises(EngineError):
            ask(use, registry, patience=Patience(pauses=()))
        assert tracemalloc.get_traced_memory()[1] < 4 * DOCUMENT_LIMIT
    finally:
        tracemalloc.stop()


def test_a_compressed_answer_is_not_inflated(registry: Registry) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    registry.answer = lambda asked: Answer(body=bomb, headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        with pytest.raises(InvalidArgument, match="something else"):
            ask(manifest, registry)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert all(asked.headers["accept-encoding"] == "identity" for asked in registry.asked)


def header_lines(registry: Registry) -> Iterable[bytes]:
    return drip(itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X: y\r\n")), registry.ended)


MANIFEST_TOO = pytest.param(manifest, marks=pytest.mark.matrix)  # it goes the way of the others


@pytest.mark.parametrize("use", [tag, MANIFEST_TOO, blob])
@pytest.mark.parametrize("manner", ["no answer", "endless header", "half a body", "drop by drop"])
def test_silence_is_an_error(registry: Registry, use: Use[object], manner: str) -> None:
    def answer(asked: Asked) -> Answer:
        if manner == "no answer":
            return Answer(raw=drip([b""], registry.ended, 30))
        if manner == "endless header":
            return Answer(raw=header_lines(registry))
        headers = {"Content-Length": str(TARGET.size if use is blob else DOCUMENT.size)}
        if asked.method == "HEAD":
            return Answer(405)
        if manner == "half a body" or use is blob:
            return Answer(body=MANIFEST[:5], headers=headers, silent=True)
        return Answer(stream=drip(itertools.repeat(b" "), registry.ended))

    registry.answer = answer
    with pytest.raises(Unavailable, match=r"timeout awaiting|has not arrived in|bytes have arrived"):
        ask(use, registry)
    assert len(registry.asked) <= 4


def test_a_blob_that_comes_slowly_but_comes_is_taken(registry: Registry) -> None:
    """Each wait is bounded, not all of them together."""
    pieces = [BLOB[at : at + 500_000] for at in range(0, len(BLOB), 500_000)]
    registry.answer = lambda asked: Answer(stream=drip(pieces, registry.ended, 0.1))
    assert ask(blob, registry) == BLOB


def test_a_connection_may_break_as_often_as_it_brings_much(registry: Registry) -> None:
    def answer(asked: Asked) -> Answer:
        found = rest_of(asked)
        found.cut = 1_100_000
        return found

    registry.answer = answer
    assert ask(blob, registry) == BLOB
    assert len(registry.asked) == 5


def test_a_connection_that_brings_little_again_and_again_is_an_error(registry: Registry) -> None:
    def answer(asked: Asked) -> Answer:
        found = rest_of(asked)
        found.cut = 10
        return found

    registry.answer = answer
    with pytest.raises(Unavailable, match=f"30 of {len(BLOB)} bytes have arrived"):
        ask(blob, registry)
    assert len(registry.asked) == 3


def test_a_blob_that_is_shorter_than_announced_is_an_error(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(body=BLOB[:1000])
    with pytest.raises(Unavailable, match="sent less than it announced; 1000 of"):
        ask(blob, registry)


@pytest.mark.parametrize("told", ["bytes 0-9/10", "bytes */10", "nonsense", "bytes 10000000-1/1"])
def test_a_range_that_was_not_asked_for_is_not_taken(registry: Registry, told: str) -> None:
    def answer(asked: Asked) -> Answer:
        return rest_of(asked, told=told) if "range" in asked.headers else Answer(body=BLOB, cut=2_000_000)

    registry.answer = answer
    with pytest.raises(InvalidArgument, match="asked for bytes from 2000000 on, the registry sent"):
        ask(blob, registry)


def test_a_mirror_that_lies_about_ranges_is_passed_over(registry: Registry, elsewhere: Registry) -> None:
    def answer(asked: Asked) -> Answer:
        return rest_of(asked, told="bytes 0-9/10") if "range" in asked.headers else Answer(body=BLOB, cut=2_000_000)

    registry.answer, elsewhere.answer = answer, rest_of
    assert ask(blob, registry, elsewhere) == BLOB
    assert [asked.headers["range"].partition("-")[0] for asked in elsewhere.asked] == ["bytes=2000000"]


def test_a_busy_registry_is_asked_again_when_it_says(registry: Registry) -> None:
    registry.answer = lambda asked: (
        Answer(429, headers={"Retry-After": "0"}) if len(registry.asked) < 3 else Answer(body=MANIFEST)
    )
    assert ask(manifest, registry) == MANIFEST
    assert len(registry.asked) == 3


def test_a_registry_that_wants_to_be_left_alone_is(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(429, body=b"toomanyrequests: pay", headers={"Retry-After": "3600"})
    for use in (manifest, blob):
        with pytest.raises(Unavailable, match="429 Too Many Requests: toomanyrequests: pay"):
            ask(use, registry)
    assert len(registry.asked) == 2


@pytest.mark.parametrize("later", ["", "0", "-1", "1e3", "soon", "9" * 5000, "Fri, 31 Dec 1999 23:59:59 GMT"])
@pytest.mark.parametrize("use", [tag, MANIFEST_TOO, pytest.param(blob, marks=pytest.mark.matrix)])
def test_a_registry_that_is_busy_for_ever_is_an_error(registry: Registry, use: Use[object], later: str) -> None:
    registry.answer = lambda asked: Answer(503, headers={"Retry-After": later})
    with pytest.raises(Unavailable, match="503"):
        ask(use, registry)
    assert len(registry.asked) <= 9


def test_a_busy_mirror_is_passed_over_at_once(registry: Registry, elsewhere: Registry) -> None:
    registry.answer = lambda asked: Answer(503)
    elsewhere.answer = lambda asked: Answer(body=MANIFEST)
    assert ask(manifest, registry, elsewhere) == MANIFEST
    assert len(registry.asked) == 1


def test_a_mirror_is_told_for_whom_it_stands(registry: Registry, elsewhere: Registry) -> None:
    registry.answer = lambda asked: Answer(404)
    elsewhere.answer = lambda asked: Answer(body=MANIFEST)
    mirror = Host(base=f"http://{registry.domain}/v2", stands_for="registry.example:5000")
    assert ask(manifest, mirror, elsewhere) == MANIFEST
    assert registry.paths() == [f"/v2/team/app/manifests/{DOCUMENT.digest}?ns=registry.example%3A5000"]
    assert elsewhere.paths() == [f"/v2/team/app/manifests/{DOCUMENT.digest}"]


def test_a_mirror_is_asked_what_it_can_do_only(registry: Registry, elsewhere: Registry) -> None:
    elsewhere.answer = lambda asked: Answer(body=MANIFEST, headers={"Docker-Content-Digest": DOCUMENT.digest})
    for mirror in (
        Host(base=f"http://{registry.domain}/v2", resolves=False),
        Host(base=f"http://{registry.domain}/v2", pulls=False),
    ):
        assert ask(tag, mirror, elsewhere).digest == DOCUMENT.digest
    assert not registry.asked


def test_a_registry_that_never_is_content_is_asked_twice(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    with pytest.raises(Unauthenticated):
        ask(manifest, registry, login=me)
    assert len(registry.asked) == 2
    with pytest.raises(Unauthenticated):
        ask(manifest, registry)
    assert len(registry.asked) == 3  # who has nothing to say does not ask again


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "unix:///run/x", "gopher://127.0.0.1/", "http://[::1", "http://a:b/"],
)
def test_a_redirect_to_what_is_no_http_is_an_error(registry: Registry, target: str) -> None:
    registry.answer = lambda asked: Answer(307, headers={"Location": target})
    with pytest.raises(InvalidArgument) as refused:
        ask(blob, registry)
    assert "root:" not in str(refused.value)
    assert len(registry.asked) == 1


def test_a_redirect_to_nobody_names_him(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(307, headers={"Location": "http://nobody.invalid/"})
    with pytest.raises(Unavailable, match=r"dial tcp: lookup nobody\.invalid: "):
        ask(manifest, registry)


def test_a_redirect_without_end_is_followed_a_few_times(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(307, headers={"Location": asked.path})
    for use in (tag, manifest, blob):
        with pytest.raises(InvalidArgument, match="more than 6 redirects"):
            ask(use, registry)
    assert len(registry.asked) == 3 * 6


def test_what_a_redirect_s_address_holds_is_not_shown(registry: Registry, elsewhere: Registry) -> None:
    location = f"http://user:word@{elsewhere.domain}/blob?signature=private"
    registry.answer = lambda asked: Answer(307, headers={"Location": location})
    elsewhere.answer = lambda asked: Answer(500, body=b"broken\nhere")
    with pytest.raises(Unavailable, match="500 Internal Server Error: broken here") as refused:
        ask(manifest, registry)
    assert "private" not in refused.value.message
    assert "word" not in refused.value.message


def test_nothing_of_another_host_s_answer_becomes_a_not_found_of_ours(registry: Registry, elsewhere: Registry) -> None:
    registry.answer = elsewhere.answer = lambda asked: Answer(404)
    with pytest.raises(NotFound, match=r"team/app@sha256:[0-9a-f]+: not found$"):
        ask(blob, registry, elsewhere)

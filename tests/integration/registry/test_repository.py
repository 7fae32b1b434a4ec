"""A repository behind registries that ask for logins, redirect, break off and lie."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InvalidArgument, NotFound, Unavailable
from slipway.base.references import Reference
from slipway.clients.registry.model import Host, Login, Patience
from slipway.clients.registry.repository import RegistryRepository
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci.image import OCI_MANIFEST

from .conftest import Answer, Asked, Registry

Result = TypeVar("Result")
BLOB = bytes(range(256)) * 4096
TARGET = Descriptor(media_type="application/octet-stream", digest=digest_of(BLOB), size=len(BLOB))


async def _login(host: str, challenges: tuple[str, ...]) -> Login | None:
    return Login(username="me", secret="very secret")


def test_headers_of_a_host_do_not_follow_a_redirect(registry: Registry, elsewhere: Registry) -> None:
    registry.answer = lambda asked: Answer(307, headers={"Location": f"http://{elsewhere.domain}/there"})
    elsewhere.answer = lambda asked: Answer(body=BLOB)

    async def main() -> bytes:
        hosts = [Host(base=f"http://{registry.domain}/v2", headers={"X-Secret": "very secret"})]
        repository = RegistryRepository(Reference(registry.domain, "team/app", "1"), hosts)
        try:
            return await _whole(repository)
        finally:
            await repository.close()

    assert asyncio.run(main()) == BLOB
    assert "x-secret" in registry.asked[0].headers
    assert "x-secret" not in elsewhere.asked[0].headers


def test_redirects_without_end_are_an_error(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(307, headers={"Location": asked.path})
    with pytest.raises(InvalidArgument, match="redirects"):
        _with(registry, lambda repository: repository.resolve(Reference(registry.domain, "team/app", "1")))


def _with(registry: Registry, use: Callable[[RegistryRepository], Awaitable[Result]]) -> Result:
    async def main() -> Result:
        reference = Reference(registry.domain, "team/app", "1")
        hosts = [Host(base=f"http://{registry.domain}/v2")]
        repository = RegistryRepository(reference, hosts, _login, Patience(pauses=(0.01, 0.01, 0.01)))
        try:
            return await use(repository)
        finally:
            await repository.close()

    return asyncio.run(main())


async def _whole(repository: RegistryRepository) -> bytes:
    async with repository.blob(TARGET) as pieces:
        return b"".join([piece async for piece in pieces])


def test_a_tag_resolves_with_a_token_that_the_challenge_asked_for(registry: Registry) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            return Answer(body=b'{"token": "abc"}')
        if asked.headers.get("authorization") != "Bearer abc":
            realm = f'Bearer realm="http://{registry.domain}/token",service="s",scope="repository:team/app:pull"'
            return Answer(401, headers={"WWW-Authenticate": realm})
        return Answer(headers={"Docker-Content-Digest": TARGET.digest, "Content-Type": OCI_MANIFEST}, body=b"x" * 7)

    registry.answer = answer
    resolved = _with(registry, lambda repository: repository.resolve(Reference(registry.domain, "team/app", "1")))
    assert (resolved.digest, resolved.media_type, resolved.size) == (TARGET.digest, OCI_MANIFEST, 7)
    (token,) = [asked for asked in registry.asked if asked.path.startswith("/token")]
    assert "scope=repository%3Ateam%2Fapp%3Apull" in token.path


def test_a_redirect_to_another_host_takes_no_credentials_along(registry: Registry, elsewhere: Registry) -> None:
    def answer(asked: Asked) -> Answer:
        if "authorization" not in asked.headers:
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
        return Answer(307, headers={"Location": f"http://{elsewhere.domain}/there"})

    registry.answer = answer
    elsewhere.answer = lambda asked: Answer(body=BLOB)
    assert _with(registry, _whole) == BLOB
    assert all("authorization" not in asked.headers for asked in elsewhere.asked)


def test_a_challenge_from_elsewhere_gets_no_credentials(registry: Registry, elsewhere: Registry) -> None:
    registry.answer = lambda asked: Answer(307, headers={"Location": f"http://{elsewhere.domain}/there"})
    elsewhere.answer = lambda asked: Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    with pytest.raises(Exception, match="401"):
        _with(registry, _whole)
    assert all("authorization" not in asked.headers for asked in elsewhere.asked)


def test_a_broken_connection_goes_on_where_it_broke(registry: Registry) -> None:
    def answer(asked: Asked) -> Answer:
        if "range" not in asked.headers:
            return Answer(body=BLOB, cut=300_000)
        start = int(asked.headers["range"].removeprefix("bytes=").partition("-")[0])
        return Answer(206, body=BLOB[start:], headers={"Content-Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"})

    registry.answer = answer
    assert _with(registry, _whole) == BLOB


def test_a_registry_without_ranges_is_resumed_too(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(body=BLOB, cut=None if "range" in asked.headers else 300_000)
    assert _with(registry, _whole) == BLOB


def test_a_connection_that_always_breaks_is_an_error_after_a_few_tries(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(body=BLOB, cut=0)
    with pytest.raises(Unavailable):
        _with(registry, _whole)
    assert len(registry.asked) <= 6


def test_a_manifest_that_is_not_the_one_asked_for_is_refused(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(body=b"{}")
    target = Descriptor(media_type=OCI_MANIFEST, digest=digest_of(b"{ }"), size=2)
    with pytest.raises(InvalidArgument, match="something else"):
        _with(registry, lambda repository: repository.manifest(target))


def test_what_a_registry_sends_beyond_the_size_is_not_read(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(body=BLOB + b"more")
    assert _with(registry, _whole) == BLOB


def test_an_unknown_tag_is_not_found_and_named(registry: Registry) -> None:
    with pytest.raises(NotFound, match="team/app:1: not found"):
        _with(registry, lambda repository: repository.resolve(Reference(registry.domain, "team/app", "1")))


def test_a_mirror_that_does_not_answer_is_passed_over(registry: Registry) -> None:
    registry.answer = lambda asked: Answer(body=BLOB)

    async def main() -> bytes:
        hosts = [Host(base="http://127.0.0.1:1/v2"), Host(base=f"http://{registry.domain}/v2")]
        repository = RegistryRepository(Reference(registry.domain, "team/app", "1"), hosts)
        try:
            return await _whole(repository)
        finally:
            await repository.close()

    assert asyncio.run(main()) == BLOB


@pytest.mark.parametrize(
    "digest", ["sha256:../../x", "sha256:" + "A" * 64, "md5:0", "x" * 7000, TARGET.digest + "/..", ""]
)
@pytest.mark.parametrize("length", ["9" * 18, "9" * 19, "9" * 4400, "-1", "1_0", "\u0663"])
def test_a_head_that_lies_is_neither_a_path_nor_a_number(registry: Registry, digest: str, length: str) -> None:
    """CVE-2024-3727: what is no digest names nothing; nor does its length count then."""
    lies = {"Docker-Content-Digest": digest, "Content-Length": length.encode().decode("latin-1")}
    registry.answer = lambda asked: Answer(headers=lies) if asked.method == "HEAD" else Answer(body=b"{}")
    try:
        found = _with(registry, lambda repository: repository.resolve(Reference(registry.domain, "team/app", "1")))
    except EngineError:
        return
    assert found.digest == digest_of(b"{}")

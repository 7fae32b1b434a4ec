"""Pushes to registries that behave, refuse, redirect, stall, break off and lie."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unavailable
from slipway.base.references import parse_reference
from slipway.clients.registry.hosts import default_host
from slipway.clients.registry.interface import Outcome
from slipway.clients.registry.model import Body, Host, Login, Patience
from slipway.clients.registry.upload import RegistryUploads
from slipway.contracts.containerd_api.types import Descriptor
from slipway.contracts.oci.image import OCI_INDEX, OCI_LAYER

from .upload_registry import Reply, Request, UploadRegistry, refusal

BLOB = os.urandom(3 << 20)
LAYER = Descriptor(media_type=OCI_LAYER, digest=digest_of(BLOB), size=len(BLOB))
DOCUMENT = b'{"schemaVersion": 2, "manifests": []}'
INDEX = Descriptor(media_type=OCI_INDEX, digest=digest_of(DOCUMENT), size=len(DOCUMENT))
SECRET = "very secret"
IMPATIENT = Patience(pauses=(0.0, 0.0))


@dataclass
class Source:
    """The blob, in pieces; `open` says how many readers of it were not closed."""

    opened: int = 0
    open: int = 0
    hosts_asked: list[str] = field(default_factory=list)

    @property
    def body(self) -> Body:
        return Body(size=len(BLOB), pieces=self._pieces)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        self.opened += 1
        self.open += 1
        try:
            for at in range(0, len(BLOB), 1 << 18):
                yield BLOB[at : at + (1 << 18)]
        finally:
            self.open -= 1

    async def login(self, host: str, challenges: tuple[str, ...]) -> Login | None:
        self.hosts_asked.append(host)
        return Login(username="me", secret=SECRET)


@pytest.fixture
def registry() -> Iterator[UploadRegistry]:
    with UploadRegistry() as served:
        yield served


@pytest.fixture
def elsewhere() -> Iterator[UploadRegistry]:
    with UploadRegistry() as served:
        yield served


@pytest.fixture
def source() -> Source:
    return Source()


def use(
    registry: UploadRegistry,
    work: Callable[[RegistryUploads], Awaitable[Outcome]],
    source: Source,
    hosts: Sequence[Host] = (),
    patience: Patience = IMPATIENT,
) -> Outcome:
    async def main() -> Outcome:
        reference = parse_reference(f"{registry.domain}/team/app:1")
        places = hosts or [Host(base=f"http://{registry.domain}/v2")]
        uploads = RegistryUploads(reference, places, source.login, patience)
        try:
            return await work(uploads)
        finally:
            await uploads.close()
            assert source.open == 0

    return asyncio.run(asyncio.wait_for(main(), 20))


def push(registry: UploadRegistry, source: Source, mount_from: str = "", hosts: Sequence[Host] = ()) -> Outcome:
    return use(registry, lambda uploads: uploads.push_blob(LAYER, source.body, mount_from), source, hosts)


def push_index(registry: UploadRegistry, source: Source, tag: str = "1") -> Outcome:
    return use(registry, lambda uploads: uploads.push_manifest(INDEX, DOCUMENT, tag), source)


def on(method: str, reply: Reply, *, times: int = 1_000_000) -> Callable[[Request], Reply | None]:
    left = [reply] * min(times, 1000)
    return lambda request: left.pop() if request.method == method and left else None


def test_a_blob_is_sent_once_and_then_known(registry: UploadRegistry, source: Source) -> None:
    assert push(registry, source) is Outcome.SENT
    assert registry.blobs["team/app"] == {LAYER.digest: BLOB}
    (put,) = registry.of("PUT")
    assert put.headers["content-length"] == str(len(BLOB))
    assert put.headers["content-type"] == "application/octet-stream"
    assert "transfer-encoding" not in put.headers
    assert push(registry, source) is Outcome.EXISTS
    assert source.opened == 1


def test_a_manifest_goes_to_its_tag_with_its_type(registry: UploadRegistry, source: Source) -> None:
    assert push_index(registry, source) is Outcome.SENT
    (put,) = registry.of("PUT")
    assert (put.path, put.headers["content-type"]) == ("/v2/team/app/manifests/1", OCI_INDEX)
    assert registry.manifests["team/app"]["1"] == DOCUMENT
    assert push_index(registry, source) is Outcome.EXISTS
    assert push_index(registry, source, "") is Outcome.EXISTS
    assert push_index(registry, source, "2") is Outcome.SENT
    registry.manifests["team/app"]["1"] = b'{"schemaVersion": 2}'  # somebody else's by now
    assert push_index(registry, source) is Outcome.SENT


def test_a_sister_repository_gives_the_blob_without_its_bytes(registry: UploadRegistry, source: Source) -> None:
    registry.blobs["team/base"] = {LAYER.digest: BLOB}
    assert push(registry, source, "team/base") is Outcome.MOUNTED
    assert (source.opened, registry.received) == (0, 0)


@pytest.mark.parametrize("status", [202, 400, 401, 403, 404, 405])
def test_a_refused_mount_is_an_ordinary_upload(registry: UploadRegistry, source: Source, status: int) -> None:
    registry.hook = lambda request: Reply(status) if "mount" in request.query and status != 202 else None
    assert push(registry, source, "team/base") is Outcome.SENT
    assert len(registry.of("POST")) == (1 if status == 202 else 2)


def test_a_mount_of_something_else_is_refused(registry: UploadRegistry, source: Source) -> None:
    registry.hook = on("POST", Reply(201, headers={"Docker-Content-Digest": digest_of(b"other")}))
    with pytest.raises(InvalidArgument, match="has stored 'sha256:"):
        push(registry, source, "team/base")


@pytest.mark.parametrize("location", ["relative", "absolute", "beside"])
def test_the_place_of_an_upload_may_be_written_in_any_way(
    registry: UploadRegistry, source: Source, location: str
) -> None:
    place = {
        "relative": "/v2/team/app/blobs/uploads/7?_state=a/b%3D%3D",
        "absolute": f"http://{registry.domain}/v2/team/app/blobs/uploads/7?_state=a/b%3D%3D#x",
        "beside": "7?_state=a/b%3D%3D",
    }[location]
    registry.hook = on("POST", Reply(202, headers={"Location": place}))
    assert push(registry, source) is Outcome.SENT
    assert registry.of("PUT")[0].path == "/v2/team/app/blobs/uploads/7"


def test_an_upload_elsewhere_takes_no_credentials_along(
    registry: UploadRegistry, elsewhere: UploadRegistry, source: Source
) -> None:
    """As the original: it goes where the registry says, without what is meant for the registry alone."""

    def hook(request: Request) -> Reply | None:
        if "authorization" not in request.headers:
            return Reply(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
        if request.method == "POST":
            return Reply(202, headers={"Location": f"http://{elsewhere.domain}/v2/x/blobs/uploads/1?_state=a/b=="})
        return None

    registry.hook = hook
    hosts = [Host(base=f"http://{registry.domain}/v2", headers={"X-Secret": SECRET})]
    assert push(registry, source, hosts=hosts) is Outcome.SENT
    assert elsewhere.blobs["x"] == {LAYER.digest: BLOB}
    assert not {"authorization", "x-secret"} & elsewhere.requests[0].headers.keys()
    elsewhere.hook = on("PUT", Reply(401, headers={"WWW-Authenticate": 'Basic realm="r"'}))
    with pytest.raises(Unauthenticated):
        push(registry, source, hosts=hosts)
    assert all("authorization" not in request.headers for request in elsewhere.requests)
    assert set(source.hosts_asked) == {registry.domain}


def test_a_redirect_of_an_upload_is_followed_with_its_bytes(
    registry: UploadRegistry, elsewhere: UploadRegistry, source: Source
) -> None:
    target = f"http://{elsewhere.domain}/v2/x/blobs/uploads/1?_state=a/b==&digest={LAYER.digest}"
    registry.hook = on("PUT", Reply(307, headers={"Location": target}))
    assert push(registry, source) is Outcome.SENT
    assert elsewhere.blobs["x"] == {LAYER.digest: BLOB}
    assert source.opened == 2


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_redirects_without_end_are_an_error(registry: UploadRegistry, source: Source, method: str) -> None:
    registry.hook = lambda request: (
        Reply(307, headers={"Location": f"{request.path}?again"}) if request.method == method else None
    )
    with pytest.raises(InvalidArgument, match="redirects"):
        push(registry, source)
    assert len(registry.of(method)) == 6


def test_a_redirect_that_would_turn_the_upload_into_a_read_is_an_error(
    registry: UploadRegistry, source: Source
) -> None:
    registry.hook = on("PUT", Reply(302, headers={"Location": "/v2/"}))
    with pytest.raises(InvalidArgument, match="302"):
        push(registry, source)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
@pytest.mark.parametrize(
    "reply",
    [Reply(500), Reply(503), Reply(429), Reply(drops=True), Reply(500, reads=0), Reply(reads=99_999, drops=True)],
)
def test_what_may_pass_is_tried_again_from_the_beginning(
    registry: UploadRegistry, source: Source, method: str, reply: Reply
) -> None:
    registry.hook = on(method, reply, times=2)
    assert push(registry, source) is Outcome.SENT
    assert registry.blobs["team/app"] == {LAYER.digest: BLOB}
    assert source.opened == (3 if method == "PUT" else 1)


def test_a_kept_connection_that_was_closed_meanwhile_costs_no_try(registry: UploadRegistry, source: Source) -> None:
    """A registry may close an idle connection at the moment at which we ask by it (RFC 9112 section 9.3.1)."""
    registry.hook = lambda request: None if request.is_first or request.method != "HEAD" else Reply(drops=True)

    async def push_twice(uploads: RegistryUploads) -> Outcome:
        assert await uploads.push_blob(LAYER, source.body, "") is Outcome.SENT
        return await uploads.push_manifest(INDEX, DOCUMENT, "1")

    assert use(registry, push_twice, source, patience=Patience(pauses=())) is Outcome.SENT
    assert [request.is_first for request in registry.of("HEAD")] == [True, False, True]


@pytest.mark.parametrize("reply", [Reply(502, b"<html>\nno  gateway</html>"), Reply(drops=True)])
def test_what_does_not_pass_is_an_error_after_a_few_tries(
    registry: UploadRegistry, source: Source, reply: Reply
) -> None:
    registry.hook = on("PUT", reply)
    with pytest.raises(Unavailable) as failed:
        push(registry, source)
    assert len(registry.of("PUT")) == 3
    assert "\n" not in failed.value.message
    assert "_state" not in failed.value.message


def test_an_answer_that_was_lost_is_not_sent_again(registry: UploadRegistry, source: Source) -> None:
    """The registry has stored the blob, but the connection broke before it could say so."""

    def hook(request: Request) -> Reply | None:
        if request.method == "PUT" and not registry.blobs["team/app"]:
            registry.blobs["team/app"][LAYER.digest] = BLOB
            return Reply(drops=True)
        return None

    registry.hook = hook
    assert push(registry, source) is Outcome.EXISTS
    assert len(registry.of("PUT")) == 1


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (
            refusal(403, "DENIED", "requested access to the resource is denied"),
            PermissionDenied,
            "403 Forbidden: denied:",
        ),
        (refusal(400, "NAME_INVALID", "invalid repository name"), InvalidArgument, "name invalid: invalid repository"),
        (refusal(413, "TOOMANYREQUESTS", "quota of 5 GB is used"), Unavailable, "quota of 5 GB is used"),
        (refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"), NotFound, "upload unknown"),
        (Reply(405), Unavailable, "405 Method Not Allowed"),
        (Reply(401), Unauthenticated, "push access denied, repository does not exist or may require authorization"),
        (Reply(202), InvalidArgument, "does not say where"),
    ],
)
def test_a_refusal_is_one_sentence_that_names_what_was_pushed(
    registry: UploadRegistry, source: Source, reply: Reply, kind: type[EngineError], words: str
) -> None:
    registry.hook = on("POST", reply)
    with pytest.raises(kind) as refused:
        push(registry, source)
    assert words in refused.value.message
    assert f"push {registry.domain}/team/app@{LAYER.digest}" in refused.value.message
    assert len(refused.value.message) < 700
    assert source.opened == 0


def test_a_registry_that_finds_another_digest_is_not_believed(registry: UploadRegistry, source: Source) -> None:
    registry.hook = on("PUT", Reply(201, headers={"Docker-Content-Digest": digest_of(b"other")}))
    with pytest.raises(InvalidArgument, match="has stored 'sha256:"):
        push(registry, source)
    with pytest.raises(InvalidArgument, match="has stored 'sha256:"):
        push_index(registry, source)


def test_who_may_not_look_may_still_push(registry: UploadRegistry, source: Source) -> None:
    registry.hook = on("HEAD", Reply(403))
    assert push(registry, source) is Outcome.SENT
    registry.hook = on("HEAD", Reply(405))
    assert push_index(registry, source) is Outcome.SENT


def test_a_refusal_in_the_middle_of_the_bytes_is_heard(registry: UploadRegistry, source: Source) -> None:
    reply = refusal(403, "DENIED", "no room")
    registry.hook = lambda request: reply if request.method == "PUT" else None
    reply.reads = 0
    with pytest.raises((PermissionDenied, Unavailable)):  # a reset connection may swallow what was said
        push(registry, source)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_a_push_to_a_registry_that_stalls_can_be_ended_at_any_time(
    registry: UploadRegistry, source: Source, method: str
) -> None:
    registry.hook = on(method, Reply(stalls=True, reads=0 if method == "PUT" else None))

    async def work(uploads: RegistryUploads) -> Outcome:
        pushing = asyncio.create_task(uploads.push_blob(LAYER, source.body))
        await asyncio.to_thread(registry.stalling.wait)
        pushing.cancel()
        await asyncio.wait_for(asyncio.wait([pushing]), 2)
        assert pushing.cancelled()
        return Outcome.EXISTS

    use(registry, work, source)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_silence_is_not_waited_for_without_end(registry: UploadRegistry, source: Source, method: str) -> None:
    registry.hook = on(method, Reply(stalls=True))
    patience = Patience(answer=0.2, commit=0.2, pauses=(0.0,))
    with pytest.raises(Unavailable, match="timeout"):
        use(registry, lambda uploads: uploads.push_blob(LAYER, source.body), source, patience=patience)
    assert len(registry.of(method)) == 1


def test_the_token_is_asked_for_reading_and_writing(registry: UploadRegistry, source: Source) -> None:
    """Whatever the challenge of a HEAD says: else every kind of request would need a token of its own."""
    tokens: list[Request] = []

    def hook(request: Request) -> Reply | None:
        if request.path == "/token":
            tokens.append(request)
            return Reply(body=b'{"token": "abc"}')
        if request.headers.get("authorization") == "Bearer abc":
            return None
        challenge = f'Bearer realm="http://{registry.domain}/token",service="s",scope="repository:team/app:pull"'
        return Reply(401, headers={"WWW-Authenticate": challenge})

    registry.hook = hook

    async def work(uploads: RegistryUploads) -> Outcome:
        outcomes = await asyncio.gather(*(uploads.push_blob(LAYER, source.body) for _ in range(3)))
        return outcomes[0]

    assert use(registry, work, source) is Outcome.SENT
    assert [token.query["scope"] for token in tokens] == ["repository:team/app:pull,push"]
    assert SECRET not in str([request for request in registry.requests if request.path != "/token"])


def test_only_a_host_that_takes_pushes_is_asked(
    registry: UploadRegistry, elsewhere: UploadRegistry, source: Source
) -> None:
    mirror = Host(base=f"http://{elsewhere.domain}/v2", pushes=False)
    assert push(registry, source, hosts=[mirror, Host(base=f"http://{registry.domain}/v2")]) is Outcome.SENT
    assert not elsewhere.requests
    with pytest.raises(NotFound, match="no push hosts"):
        push(registry, source, hosts=[mirror])
    first = Host(base="http://127.0.0.1:1/v2")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):  # its images are not for anybody else
        push(registry, source, hosts=[first, Host(base=f"http://{registry.domain}/v2")])


def test_a_registry_on_loopback_is_found_by_either_scheme(registry: UploadRegistry, source: Source) -> None:
    assert push(registry, source, hosts=[default_host(registry.domain)]) is Outcome.SENT
    assert push(registry, source, hosts=[default_host(registry.domain, "http")]) is Outcome.EXISTS
    assert registry.blobs["team/app"] == {LAYER.digest: BLOB}

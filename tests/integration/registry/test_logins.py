"""Where secrets go, and where they do not: token servers that misbehave, mirrors, redirects."""

import asyncio
import base64
import itertools
import json
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, Unauthenticated, Unavailable
from slipway.base.references import Reference
from slipway.clients.registry.model import AskLogin, Host, Login, Patience, anonymous
from slipway.clients.registry.repository import RegistryRepository
from slipway.contracts.containerd_api.types import Descriptor

from .conftest import Answer, Asked, Registry

QUICK = Patience(answer=0.6, progress=0.3, document=0.6, pauses=(), longest_pause=0.5)
REFERENCE = Reference("registry.example", "team/app", "1")
MANIFEST = b"{}"
TARGET = Descriptor(media_type="", digest=digest_of(MANIFEST), size=len(MANIFEST))
BASIC = "Basic " + base64.b64encode(b"me:very secret").decode()


def as_user(**fields: str) -> AskLogin:
    async def ask_login(host: str, challenges: tuple[str, ...]) -> Login:
        return Login(**fields)

    return ask_login


ME = as_user(username="me", secret="very secret")


def pull(*hosts: Registry | Host, login: AskLogin = anonymous, times: int = 1) -> list[bytes]:
    async def main() -> list[bytes]:
        places = [each if isinstance(each, Host) else Host(base=f"http://{each.domain}/v2") for each in hosts]
        repository = RegistryRepository(REFERENCE, places, login, QUICK)
        try:
            async with asyncio.timeout(20):
                return list(await asyncio.gather(*(repository.manifest(TARGET) for _ in range(times))))
        finally:
            await repository.close()

    return asyncio.run(main())


def guarded(registry: Registry, realm: str, token: Callable[[Asked], Answer]) -> None:
    """A registry that wants the token "good" from `realm`; what is asked below /token, `token` answers."""

    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            return token(asked)
        if asked.headers.get("authorization") == "Bearer good":
            return Answer(body=MANIFEST)
        return Answer(
            401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:x:pull"'}
        )

    registry.answer = answer


def good(asked: Asked) -> Answer:
    return Answer(body=json.dumps({"token": "good"}).encode())


def secrets_of(*registries: Registry) -> list[str]:
    """Everything secret that was sent to them."""
    asked = [asked for registry in registries for asked in registry.asked]
    sent = [each.headers.get("authorization", "") for each in asked]
    return [text for text in sent if text] + [each.body.decode() for each in asked if b"secret" in each.body]


def test_a_name_and_a_secret_become_a_token_at_the_realm(registry: Registry, elsewhere: Registry) -> None:
    guarded(registry, f"http://{elsewhere.domain}/token", good)
    elsewhere.answer = good
    assert pull(registry, login=ME) == [MANIFEST]
    assert secrets_of(elsewhere) == [BASIC]
    assert secrets_of(registry) == ["Bearer good"]
    (asked,) = elsewhere.asked
    scopes = "scope=repository%3Ateam%2Fapp%3Apull&scope=repository%3Ax%3Apull"  # what we want, and what we were told
    assert (asked.method, asked.path) == ("GET", f"/token?service=s&{scopes}")


def test_nobody_in_particular_gets_a_token_as_well(registry: Registry) -> None:
    guarded(registry, f"http://{registry.domain}/token", good)
    assert pull(registry) == [MANIFEST]
    assert secrets_of(registry) == ["Bearer good"]


def test_several_requests_that_are_refused_at_once_log_in_once(registry: Registry) -> None:
    guarded(registry, f"http://{registry.domain}/token", good)
    assert pull(registry, login=ME, times=5) == [MANIFEST] * 5
    assert len([path for path in registry.paths() if path.startswith("/token")]) == 1


def test_an_identity_token_is_posted_to_the_realm(registry: Registry) -> None:
    guarded(registry, f"http://{registry.domain}/token", lambda asked: Answer(body=b'{"access_token": "good"}'))
    assert pull(registry, login=as_user(secret="refresh me")) == [MANIFEST]
    (asked,) = [asked for asked in registry.asked if asked.path == "/token"]
    assert asked.method == "POST"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh me"],
        "client_id": ["slipway"],
        "service": ["s"],
        "scope": ["repository:team/app:pull repository:x:pull"],
    }


def test_a_token_server_that_knows_oauth_only_is_posted_the_name(registry: Registry) -> None:
    guarded(registry, f"http://{registry.domain}/token", lambda asked: good(asked) if asked.body else Answer(405))
    assert pull(registry, login=ME) == [MANIFEST]
    form = parse_qs(next(asked.body.decode() for asked in registry.asked if asked.body))
    assert (form["grant_type"], form["username"], form["password"]) == (["password"], ["me"], ["very secret"])


def test_a_given_header_goes_to_the_registry_alone(registry: Registry, elsewhere: Registry) -> None:
    guarded(registry, f"http://{elsewhere.domain}/token", good)
    assert pull(registry, login=as_user(header="Bearer good")) == [MANIFEST]
    assert not elsewhere.asked
    with pytest.raises(Unauthenticated, match="no header of HTTP"):
        pull(registry, login=as_user(header="Bearer good\r\nX: y"))


def test_a_token_server_s_redirect_is_not_followed(registry: Registry, elsewhere: Registry) -> None:
    there = {"Location": f"http://{elsewhere.domain}/token"}
    guarded(registry, f"http://{registry.domain}/token", lambda asked: Answer(307, headers=there))
    for login in (ME, as_user(secret="very secret")):
        with pytest.raises(Unauthenticated, match="its token server answered 307"):
            pull(registry, login=login)
    assert not elsewhere.asked


@pytest.mark.parametrize(
    ("realm", "kind"),
    [
        ("file:///etc/passwd", Unauthenticated),
        ("gopher://127.0.0.1/token", Unauthenticated),
        ("/token", Unauthenticated),
        ("http://", Unauthenticated),
        ("http://[::1/", Unauthenticated),
        ("http://127.0.0.1:0/", Unauthenticated),
        ("http://127.0.0.1:1/", Unavailable),
        ("http://" + "a" * 300 + "/", EngineError),
        ("http://ü.example.invalid/", EngineError),
    ],
)
def test_a_realm_that_leads_nowhere_is_an_error(registry: Registry, realm: str, kind: type[EngineError]) -> None:
    guarded(registry, realm.encode().decode("latin-1"), good)
    with pytest.raises(kind, match="log in to 127"):
        pull(registry, login=ME)


def test_a_realm_that_asks_for_a_login_itself_is_an_error(registry: Registry) -> None:
    """No login for a login, and so on."""
    realm = f"http://{registry.domain}/token"
    guarded(registry, realm, lambda asked: Answer(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'}))
    with pytest.raises(Unauthenticated, match="its token server answered 401"):
        pull(registry, login=ME)
    assert len(registry.asked) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: Answer(stream=itertools.repeat(b" " * 65536)), "sent more than"),
        (lambda: Answer(body=b"", headers={"Content-Length": "5"}, silent=True), "timeout"),
        (lambda: Answer(body=b"[" * 100_000), "sent no token"),
        (lambda: Answer(body=b'{"token": 1}'), "sent no token"),
        (lambda: Answer(body=b'{"token": "a\\r\\nX: y"}'), "sent no token"),
        (lambda: Answer(body="{\"token\": \"ü\"}".encode()), "sent no token"),
        (lambda: Answer(body=b"\xff\xfe"), "sent no token"),
        (lambda: Answer(403), "answered 403"),
        (lambda: Answer(503), "answered 503"),
        (lambda: Answer(raw=[b"nonsense\r\n\r\n"]), "ask http://127.0.0.1:"),
    ],
)  # fmt: skip
def test_a_token_server_that_misbehaves_is_named(registry: Registry, answer: Callable[[], Answer], words: str) -> None:
    guarded(registry, f"http://{registry.domain}/token", lambda asked: answer())
    with pytest.raises(EngineError, match=words) as refused:
        pull(registry, login=ME)
    assert refused.value.message.startswith(f"log in to {registry.domain}: ")
    assert "secret" not in refused.value.message


def test_a_token_that_the_registry_refuses_is_not_asked_for_again(registry: Registry) -> None:
    guarded(registry, f"http://{registry.domain}/token", lambda asked: Answer(body=b'{"token": "bad"}'))
    with pytest.raises(Unauthenticated):
        pull(registry, login=ME)
    assert len(registry.asked) == 3


def test_a_mirror_s_login_is_asked_for_by_the_mirror_s_name(registry: Registry, elsewhere: Registry) -> None:
    asked_for: list[str] = []

    async def ask_login(host: str, challenges: tuple[str, ...]) -> Login | None:
        asked_for.append(host)
        return Login(username="me", secret="very secret") if host == elsewhere.domain else None

    registry.answer = lambda asked: Answer(401, headers={"WWW-Authenticate": 'Basic realm="mirror"'})
    elsewhere.answer = lambda asked: (
        Answer(body=MANIFEST)
        if asked.headers.get("authorization") == BASIC
        else Answer(401, headers={"WWW-Authenticate": 'Basic realm="registry"'})
    )
    assert pull(registry, elsewhere, login=ask_login) == [MANIFEST]
    assert asked_for == [registry.domain, elsewhere.domain]
    assert secrets_of(registry) == []


def test_a_redirect_back_to_the_registry_may_take_its_secret_along(registry: Registry, elsewhere: Registry) -> None:
    """By way of a third host: each hop is judged by where it leads."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("authorization") != BASIC:
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
        if asked.path.startswith("/v2"):
            return Answer(307, headers={"Location": f"http://{elsewhere.domain}/there"})
        return Answer(body=MANIFEST)

    registry.answer = answer
    elsewhere.answer = lambda asked: Answer(302, headers={"Location": f"http://{registry.domain}/back"})
    assert pull(registry, login=ME) == [MANIFEST]
    assert secrets_of(elsewhere) == []


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_another_name_or_port_of_the_same_machine_is_another_host(
    registry: Registry, elsewhere: Registry, name: str
) -> None:
    other = f"{name}:{elsewhere.domain.rpartition(':')[2]}"
    registry.answer = lambda asked: (
        Answer(307, headers={"Location": f"http://{other}/"})
        if asked.headers.get("authorization")
        else Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    )
    elsewhere.answer = lambda asked: Answer(body=MANIFEST)
    assert pull(registry, login=ME) == [MANIFEST]
    assert secrets_of(elsewhere) == []

"""Certificates: whom we believe, whom we tell who we are, and when a registry is asked in clear."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.digests import digest_of
from slipway.base.errors import EngineError, InvalidArgument, Unavailable
from slipway.base.references import Reference
from slipway.clients.registry.model import AskLogin, Host, Login, Patience, anonymous
from slipway.clients.registry.repository import RegistryRepository
from slipway.contracts.containerd_api.types import Descriptor
from tests.support.certificates import Authority

from .conftest import Answer, Asked, Registry

MANIFEST = b"{}"
TARGET = Descriptor(media_type="", digest=digest_of(MANIFEST), size=len(MANIFEST))
QUICK = Patience(answer=2, progress=1, document=2, pauses=(0.01,))


def pull(*hosts: Host, login: AskLogin = anonymous, times: int = 1) -> bytes:
    async def main() -> bytes:
        repository = RegistryRepository(Reference("registry.example", "team/app", "1"), list(hosts), login, QUICK)
        try:
            for _ in range(times):
                data = await repository.manifest(TARGET)
            return data
        finally:
            await repository.close()

    return asyncio.run(main())


def serve(asked: Asked) -> Answer:
    return Answer(body=MANIFEST)


def test_only_a_certificate_that_somebody_vouches_for_is_believed(over_tls: Registry, authority: Authority) -> None:
    over_tls.answer = serve
    base = f"https://{over_tls.domain}/v2"
    with pytest.raises(
        Unavailable, match="tls: failed to verify certificate: x509: certificate signed by unknown authority"
    ):
        pull(Host(base=base))
    assert not over_tls.asked
    assert pull(Host(base=base, authorities=(str(authority.file),))) == MANIFEST
    assert pull(Host(base=base, verify=False)) == MANIFEST


@pytest.fixture
def exclusive(server_tls: ssl.SSLContext, authority: Authority) -> Iterator[Registry]:
    """A registry that wants to know who asks."""
    server_tls.verify_mode = ssl.CERT_REQUIRED
    server_tls.load_verify_locations(authority.file)
    served = Registry(server_tls)
    served.answer = serve
    yield served
    served.close()


def test_whoever_is_asked_who_he_is_shows_his_certificate(exclusive: Registry, authority: Authority) -> None:
    base = f"https://{exclusive.domain}/v2"
    certificate, key = authority.sign("client")
    together = certificate.with_name("together.pem")
    together.write_bytes(certificate.read_bytes() + key.read_bytes())
    for identity in ((str(certificate), str(key)), (str(together), "")):
        assert pull(Host(base=base, authorities=(str(authority.file),), identities=(identity,))) == MANIFEST
    with pytest.raises(Unavailable):
        pull(Host(base=base, authorities=(str(authority.file),)))


def test_of_several_identities_the_first_counts(exclusive: Registry, authority: Authority, tmp_path: Path) -> None:
    (mine, key), (other, other_key) = authority.sign("mine"), Authority(tmp_path / "other").sign("stranger")
    pairs = ((str(mine), str(key)), (str(other), str(other_key)))
    base = f"https://{exclusive.domain}/v2"
    assert pull(Host(base=base, authorities=(str(authority.file),), identities=pairs)) == MANIFEST


def test_certificates_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    certificate, key = authority.sign("locked", password="very secret")
    base = "https://127.0.0.1:1/v2"
    for host, words in (
        (Host(base=base, authorities=(str(nonsense),)), f"unable to load CA cert '{nonsense}': "),
        (Host(base=base, authorities=("/none.pem",)), "unable to load CA cert '/none.pem': no such file or directory"),
        (Host(base=base, identities=((str(certificate), ""),)), f"the client certificate of '{certificate}': "),
        (Host(base=base, identities=((str(certificate), str(key)),)), "the key has a password"),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument, match="unable to load") as refused:
            pull(host)
        assert words in refused.value.message


def test_a_host_that_may_be_plain_is_asked_in_clear_where_nobody_speaks_tls(registry: Registry) -> None:
    registry.answer = serve
    host = Host(base=f"https://{registry.domain}/v2", verify=False, may_be_plain=True)
    assert pull(host, times=2) == MANIFEST
    assert len(registry.asked) == 2
    with pytest.raises(Unavailable, match="http: server gave HTTP response to HTTPS client"):
        pull(Host(base=f"https://{registry.domain}/v2", verify=False))
    assert len(registry.asked) == 2


def test_nobody_is_asked_in_clear_who_has_a_bad_certificate(over_tls: Registry) -> None:
    over_tls.answer = serve
    with pytest.raises(Unavailable, match="certificate signed by unknown authority"):
        pull(Host(base=f"https://{over_tls.domain}/v2", may_be_plain=True))
    assert not over_tls.asked


def test_a_login_over_tls_never_goes_in_clear(over_tls: Registry, registry: Registry, authority: Authority) -> None:
    """Neither by a redirect nor by a token server, also of a host that may be plain."""

    async def me(host: str, challenges: tuple[str, ...]) -> Login:
        return Login(username="me", secret="very secret")

    realm = f'Bearer realm="http://{registry.domain}/token"'
    for may_be_plain in (False, True):
        host = Host(base=f"https://{over_tls.domain}/v2", authorities=(str(authority.file),), may_be_plain=may_be_plain)
        over_tls.answer = lambda asked: Answer(307, headers={"Location": f"http://{registry.domain}/"})
        with pytest.raises(InvalidArgument, match="it redirects from https to http"):
            pull(host, login=me)
        over_tls.answer = lambda asked: Answer(401, headers={"WWW-Authenticate": realm})
        with pytest.raises(EngineError, match="as its token server"):
            pull(host, login=me)
    assert not registry.asked

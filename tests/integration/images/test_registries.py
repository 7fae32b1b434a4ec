"""The original docker-registry with a password, and as a mirror: what it gives whom, by hosts.toml."""

import asyncio
import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.base.errors import EngineError, InvalidArgument, Unauthenticated
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.model import AuthChallenge, Credentials, Registry
from tests.integration.images.conftest import Daemon
from tests.integration.images.distribution import USER, Distribution, layer_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]
SCOPE = Scope("moby")


@pytest.fixture(scope="module")
def guarded(short_folder: Path) -> Iterator[Distribution]:
    with Distribution(short_folder / "guarded", is_guarded=True) as served:
        served.push_image("app", "1", [layer_of({"a": os.urandom(100_000)}), layer_of({"b": b"2"})])
        yield served


@pytest.fixture
def upstream(short_folder: Path) -> Iterator[Distribution]:
    with Distribution(short_folder / "upstream") as served:
        yield served


@pytest.fixture
def mirror(upstream: Distribution, short_folder: Path) -> Iterator[Distribution]:
    with Distribution(short_folder / "mirror", mirror_of=upstream.address) as served:
        yield served


class Client:
    """Who is asked for credentials; remembers for whom."""

    def __init__(self, answer: Credentials | None) -> None:
        self._answer = answer
        self.asked: list[AuthChallenge] = []

    async def ask(self, challenge: AuthChallenge) -> Credentials | None:
        self.asked.append(challenge)
        return self._answer


ME = Credentials(kind="credentials", username=USER[0], secret=USER[1])
HEADER = Credentials(kind="header", secret="Basic " + base64.b64encode(":".join(USER).encode()).decode())


def pull(daemon: Daemon, name: str, client: Client | None = None, hosts: Path | None = None) -> None:
    ask = client.ask if client is not None else None
    source = Registry(reference=name, ask_credentials=ask, host_dir=str(hosts or ""))
    asyncio.run(daemon.transfer.pull(SCOPE, source, daemon.destination(name), daemon.reported.append))


def write_hosts(root: Path, domain: str, text: str) -> Path:
    (root / domain).mkdir()
    (root / domain / "hosts.toml").write_text(text)
    return root


@pytest.mark.parametrize("answer", [ME, HEADER], ids=("name", "header"))
def test_a_password_lets_in(daemon: Daemon, guarded: Distribution, answer: Credentials) -> None:
    client = Client(answer)
    pull(daemon, f"{guarded.address}/app:1", client)
    (asked,) = client.asked
    assert (asked.host, asked.reference) == (guarded.address, f"{guarded.address}/app:1")
    assert asked.www_authenticate == ('Basic realm="test"',)


@pytest.mark.parametrize(
    "answer",
    [None, Credentials(kind="credentials", username="me", secret="wrong"), Credentials(kind="refresh", secret="x")],
    ids=("nothing", "wrong", "token"),
)
def test_anything_else_does_not(daemon: Daemon, guarded: Distribution, answer: Credentials | None) -> None:
    with pytest.raises(Unauthenticated, match=r'failed to resolve reference ".*/app:1": .*401 Unauthorized'):
        pull(daemon, f"{guarded.address}/app:1", Client(answer))
    assert not daemon.stores.images.list(SCOPE)
    assert not daemon.leases.list(SCOPE)


def test_a_mirror_fetches_for_us_and_keeps_it(
    daemon: Daemon, mirror: Distribution, upstream: Distribution, tmp_path: Path
) -> None:
    """It keeps what it has passed on, a moment later."""
    digest = upstream.push_image("app", "1", [layer_of({"a": os.urandom(100_000)})])
    text = f'server = "http://{upstream.address}"\n[host."http://{mirror.address}"]\n'
    hosts = write_hosts(tmp_path, "registry.example", text)
    pull(daemon, "registry.example/app:1", hosts=hosts)
    assert daemon.stores.images.get(SCOPE, "registry.example/app:1").target.digest == digest
    wait_until(lambda: mirror.blobs() == upstream.blobs(), "the mirror to keep what it gave")


def test_a_mirror_that_lacks_an_image_or_is_gone_is_passed_over(
    daemon: Daemon, guarded: Distribution, upstream: Distribution, tmp_path: Path
) -> None:
    """Nor do its refusals count, nor is it told what is meant for the registry."""
    digest = upstream.push_image("other", "1", [layer_of({"a": os.urandom(100)})])
    text = f"""
        server = "http://{upstream.address}"
        [host."http://127.0.0.1:1"]
        dial_timeout = "2s"
        [host."http://{guarded.address}"]
    """
    hosts = write_hosts(tmp_path, "registry.example", text)
    client = Client(None)
    pull(daemon, "registry.example/other:1", client, hosts)
    assert daemon.stores.images.get(SCOPE, "registry.example/other:1").target.digest == digest
    assert {asked.host for asked in client.asked} == {guarded.address}


def test_a_mirror_that_may_not_resolve_gives_the_blobs_only(
    daemon: Daemon, mirror: Distribution, upstream: Distribution, tmp_path: Path
) -> None:
    old = upstream.push_image("app", "1", [layer_of({"old": b""})])
    text = f'server = "http://{upstream.address}"\n[host."http://{mirror.address}"]\ncapabilities = ["pull"]\n'
    hosts = write_hosts(tmp_path, "registry.example", text)
    pull(daemon, "registry.example/app:1", hosts=hosts)
    assert daemon.stores.images.get(SCOPE, "registry.example/app:1").target.digest == old
    new = upstream.push_image("app", "1", [layer_of({"new": b""})])
    pull(daemon, "registry.example/app:1", hosts=hosts)
    assert daemon.stores.images.get(SCOPE, "registry.example/app:1").target.digest == new


def test_a_malformed_hosts_file_is_named_before_anybody_is_asked(daemon: Daemon, tmp_path: Path) -> None:
    hosts = write_hosts(tmp_path, "registry.example", 'server = "https://registry.example"\nca = 1\n')
    with pytest.raises(InvalidArgument, match=rf"^read {tmp_path}/registry\.example/hosts\.toml: ca: expected text"):
        pull(daemon, "registry.example/app:1", hosts=hosts)


def test_a_registry_that_is_not_there_is_one_sentence(daemon: Daemon) -> None:
    with pytest.raises(
        EngineError, match=r'^failed to resolve reference "127\.0\.0\.1:1/app:1": failed to do request: '
    ):
        pull(daemon, "127.0.0.1:1/app:1")

"""Opens the repository that a transfer names, to read or to write, with the credentials its client can be asked for."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.references import Reference
from slipway.clients.registry.hosts import hosts_of_domain
from slipway.clients.registry.hosts_file import is_header
from slipway.clients.registry.interface import Repository, Uploads
from slipway.clients.registry.model import USUAL_PATIENCE, AskLogin, Host, Login, Patience
from slipway.clients.registry.repository import RegistryRepository
from slipway.clients.registry.upload import RegistryUploads
from slipway.containerd.transfer.model import AuthChallenge, Credentials, Registry

_OURS: Final = frozenset(("accept-encoding", "connection", "content-length", "host", "range", "transfer-encoding"))
_SECRET: Final = frozenset(("authorization", "cookie"))


def open_repository(
    source: Registry, reference: Reference, *, host_roots: Sequence[str] = (), patience: Patience = USUAL_PATIENCE
) -> Repository:
    """`host_roots` are the daemon's own folders of registries, for a client that names none.

    Raises InvalidArgument for a malformed hosts.toml or header, Unavailable for a file that cannot be read. Blocks on
    files; close the repository afterwards.
    """
    return RegistryRepository(reference, _hosts(source, reference, host_roots), _asker(source), patience)


def open_uploads(
    destination: Registry, reference: Reference, *, host_roots: Sequence[str] = (), patience: Patience = USUAL_PATIENCE
) -> Uploads:
    """The same for a push; raises NotFound where no host takes images."""
    return RegistryUploads(reference, _hosts(destination, reference, host_roots), _asker(destination), patience)


def roots_of(config_path: str) -> tuple[str, ...]:
    """The folders of `config_path`, which are separated as those of PATH."""
    return tuple(filter(None, config_path.split(":")))


def _hosts(place: Registry, reference: Reference, host_roots: Sequence[str]) -> list[Host]:
    roots = (place.host_dir,) if place.host_dir else tuple(host_roots)
    hosts = hosts_of_domain(reference.domain, roots=roots, default_scheme=place.default_scheme)
    return _with_headers(hosts, place.headers)


def _with_headers(hosts: Sequence[Host], headers: Mapping[str, str]) -> list[Host]:
    """The client's headers for every host, below the host's own; what lets somebody in is not for mirrors."""
    for name, value in headers.items():
        if not is_header(name, value):
            raise InvalidArgument(f"ask a registry: {name[:80]!r} with its value is not a header of HTTP")
    asked = {name: value for name, value in headers.items() if name.lower() not in _OURS}
    public = {name: value for name, value in asked.items() if name.lower() not in _SECRET}
    return [
        replace(host, headers={**(public if host.stands_for else asked), **host.headers}) if asked else host
        for host in hosts
    ]


def _asker(place: Registry) -> AskLogin:
    """One question at a time: an answer does not say which host it is for."""
    asking = asyncio.Lock()

    async def ask_login(host: str, www_authenticate: tuple[str, ...]) -> Login | None:
        if place.ask_credentials is None:
            return None
        challenge = AuthChallenge(host=host, reference=place.reference, www_authenticate=www_authenticate)
        async with asking:
            answer = await place.ask_credentials(challenge)
        return None if answer is None or not answer.secret else _login(answer)

    return ask_login


def _login(answer: Credentials) -> Login:
    if answer.kind == "header":
        return Login(header=answer.secret)
    return Login(username=answer.username if answer.kind == "credentials" else "", secret=answer.secret)

"""Opens the repository that a transfer names, to read or to write, with the credentials its client can be asked for."""

from slipway.base.references import Reference
from slipway.clients.registry.hosts import hosts_of_domain
from slipway.clients.registry.interface import Repository, Uploads
from slipway.clients.registry.model import AskLogin, Host, Login
from slipway.clients.registry.repository import RegistryRepository
from slipway.clients.registry.upload import RegistryUploads
from slipway.containerd.transfer.model import AuthChallenge, Registry


def open_repository(source: Registry, reference: Reference) -> Repository:
    """Raises InvalidArgument for a malformed hosts.toml. Blocks on files; close the repository afterwards."""
    return RegistryRepository(reference, _hosts(source, reference), _ask_login(source))


def open_uploads(destination: Registry, reference: Reference) -> Uploads:
    """Raises InvalidArgument for a malformed hosts.toml, NotFound where no host takes images. Otherwise the same."""
    return RegistryUploads(reference, _hosts(destination, reference), _ask_login(destination))


def _hosts(place: Registry, reference: Reference) -> list[Host]:
    return hosts_of_domain(reference.domain, host_dir=place.host_dir, default_scheme=place.default_scheme)


def _ask_login(place: Registry) -> AskLogin:
    async def ask_login(host: str, www_authenticate: tuple[str, ...]) -> Login | None:
        if place.ask_credentials is None:
            return None
        challenge = AuthChallenge(host=host, reference=place.reference, www_authenticate=www_authenticate)
        answer = await place.ask_credentials(challenge)
        if answer is None or not answer.secret:
            return None
        return Login(username=answer.username if answer.kind == "credentials" else "", secret=answer.secret)

    return ask_login

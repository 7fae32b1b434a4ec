"""Opens the repository that a transfer names, with the credentials that its client can be asked for."""

from slipway.base.references import Reference
from slipway.clients.registry.hosts import hosts_of_domain
from slipway.clients.registry.interface import Repository
from slipway.clients.registry.model import Login
from slipway.clients.registry.repository import RegistryRepository
from slipway.containerd.transfer.model import AuthChallenge, Registry


def open_repository(source: Registry, reference: Reference) -> Repository:
    """Raises InvalidArgument for a malformed hosts.toml. Blocks on files; close the repository afterwards."""
    hosts = hosts_of_domain(reference.domain, host_dir=source.host_dir, default_scheme=source.default_scheme)

    async def ask_login(host: str, www_authenticate: tuple[str, ...]) -> Login | None:
        if source.ask_credentials is None:
            return None
        challenge = AuthChallenge(host=host, reference=source.reference, www_authenticate=www_authenticate)
        answer = await source.ask_credentials(challenge)
        if answer is None or not answer.secret:
            return None
        return Login(username=answer.username if answer.kind == "credentials" else "", secret=answer.secret)

    return RegistryRepository(reference, hosts, ask_login)

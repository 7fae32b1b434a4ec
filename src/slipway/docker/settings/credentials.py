"""Registry credentials in config.json: base64 of user:password, by registry. Helper programs are not asked yet."""

from slipway.base.errors import InvalidArgument
from slipway.docker.options.references import DEFAULT_DOMAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.settings.config_file import ConfigFile

DOCKER_HUB = "https://index.docker.io/v1/"


def registry_of_domain(domain: str) -> str:
    """The key of a domain in config.json."""
    return DOCKER_HUB if domain in (DEFAULT_DOMAIN, "index.docker.io") else domain


def load_credentials(config: "ConfigFile", registry: str) -> dict[str, str]:
    """An API AuthConfig; {} where there are none."""
    entry = (config.members.get("auths") or {}).get(registry)
    if not isinstance(entry, dict):
        return {}
    found = {"serveraddress": registry}
    if entry.get("auth"):
        import binascii

        try:
            user, _, password = binascii.a2b_base64(entry["auth"]).decode().partition(":")
        except ValueError as error:
            raise InvalidArgument(f"{config.path}: malformed credentials of {registry}") from error
        found.update(username=user, password=password.rstrip("\0"))
    if entry.get("identitytoken"):
        found["identitytoken"] = entry["identitytoken"]
    return found


def store_credentials(config: "ConfigFile", registry: str, user: str, password: str, token: str) -> None:
    """Keep them; a token stands in for the password."""
    import binascii

    text = f"{user}:" if token else f"{user}:{password}"
    entry = {"auth": binascii.b2a_base64(text.encode(), newline=False).decode()}
    if token:
        entry["identitytoken"] = token
    config.members.setdefault("auths", {})[registry] = entry
    config.save()


def erase_credentials(config: "ConfigFile", registry: str) -> bool:
    """Forget them; False where there were none."""
    auths = config.members.get("auths") or {}
    if registry not in auths:
        return False
    del auths[registry]
    config.save()
    return True


def auth_header(credentials: dict[str, str]) -> str:
    """The value of X-Registry-Auth: base64url of the JSON."""
    import binascii

    from slipway.clients.dockerd.json_documents import format_json

    encoded = binascii.b2a_base64(format_json(credentials), newline=False).decode()
    return encoded.replace("+", "-").replace("/", "_")

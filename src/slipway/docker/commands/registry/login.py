"""docker login: with a password given or asked for; web-based login is not there yet."""

import os

from slipway.base.errors import InvalidArgument
from slipway.docker.command import Command
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.settings.credentials import DOCKER_HUB, load_credentials, store_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        text("password", "Password or personal access token", short="p"),
        boolean("password-stdin", "Read the password or token from stdin"),
        text("username", "User name", short="u"),
    ]


def _run(session: "Session", options: "Options") -> int:
    server = registry_address(options.arguments[0] if options.arguments else "")
    user, password = _given(session, options)
    if not user and not password:
        known = load_credentials(session.config, server)
        if known.get("username"):
            session.warn(f"Authenticating with existing credentials... [Username: {known['username']}]")
            user, password = known["username"], known.get("password", "")
    if not user or not password:
        user, password = _ask(session, user, password)
    request = {"username": user, "password": password, "serveraddress": server}
    answer = session.engine.post("/auth", None, request) or {}
    store_credentials(session.config, server, user, password, answer.get("IdentityToken", ""))
    session.warn(f"\nWARNING! Your credentials are stored unencrypted in '{session.config.path}'.")
    session.warn("Configure a credential helper to remove this warning. See")
    session.warn("https://docs.docker.com/go/credential-store/\n")
    session.print(answer.get("Status") or "Login Succeeded")
    return 0


def registry_address(text: str) -> str:
    """The key of a registry: its host, or Docker Hub's."""
    if not text or text in ("docker.io", "index.docker.io", DOCKER_HUB):
        return DOCKER_HUB
    for scheme in ("https://", "http://"):
        text = text.removeprefix(scheme)
    return text.partition("/")[0]


def _given(session: "Session", options: "Options") -> tuple[str, str]:
    user, password = options["username"], options["password"]
    if "password" in options.changed:
        session.warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
        if options["password-stdin"]:
            raise InvalidArgument("conflicting options: cannot specify both --password and --password-stdin")
    if options["password-stdin"]:
        if not user:
            raise InvalidArgument("the --password-stdin option requires --username to be set")
        with os.fdopen(os.dup(session.input.descriptor), "rb") as stream:
            password = stream.read().decode().rstrip("\r\n")
    return user, password


def _ask(session: "Session", user: str, password: str) -> tuple[str, str]:
    if not session.input.is_terminal:
        raise InvalidArgument("Error: Cannot perform an interactive login from a non TTY device")
    import getpass

    if not user:
        user = input("Username: ").strip()
        if not user:
            raise InvalidArgument("Error: Non-null Username Required")
    password = password or getpass.getpass("Password: ")
    if not password:
        raise InvalidArgument("Error: Password Required")
    return user, password


LOGIN = Command(
    _run,
    "[OPTIONS] [SERVER]",
    arguments=(0, 1),
    flags=_flags,
    description="Authenticate to a registry.\nWithout a server, to Docker Hub.",
)

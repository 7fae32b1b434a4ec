"""Creates a container for `run` and `create`: builds the request, pulls the image where it is missing, keeps the
cidfile.
"""

import os

from slipway.base.errors import EngineError, InvalidArgument, NotFound
from slipway.base.files import read_whole, unlink_if_present, write_all
from slipway.docker.options.container_config import Sources, create_request
from slipway.docker.options.container_flags import container_flags
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.options.references import with_default_tag
from slipway.docker.session import CommandFailed, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options

ENGINE_FAILURE, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
_PULL_CHOICES = ("always", "missing", "never", "")


def creation_flags(verb: str) -> list[Flag]:
    """The flags of `run` and `create` alike. `verb` completes the help of --pull."""
    return [
        boolean("disable-content-trust", "Do not verify the image's signature", default=True),
        boolean("help", "Print usage"),
        text("name", "Name of the container"),
        text("platform", "Platform to choose from a multi-platform image"),
        text("pull", f'Pull the image before {verb} ("always", "missing", "never")', default="missing"),
        boolean("quiet", "Show nothing of the pull", short="q"),
        boolean("use-api-socket", "Give the container the daemon's socket and our credentials", is_hidden=True),
        *container_flags(),
    ]


def build_request(session: Session, options: "Options", command: str) -> "dict[str, Any]":
    """The create request; a malformed one fails with status 125 and a pointer to --help."""
    try:
        if options["pull"] not in _PULL_CHOICES:
            raise InvalidArgument(
                f'invalid pull option: \'{options["pull"]}\': must be one of "always", "missing" or "never"'
            )
        if options["use-api-socket"]:
            raise InvalidArgument("--use-api-socket is not supported yet")
        session.engine.ping()
        return create_request(options, Sources(_read, os.path.abspath, session.environment, _proxies(session)))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise with_help(InvalidArgument(f"open {error.filename}: {reason}"), command) from error
    except EngineError as error:
        raise with_help(error, command) from error


def create_container(session: Session, options: "Options", request: "dict[str, Any]") -> str:
    """Create the container; its id. Raises EngineError: NotFound for an image that may not, or could not, be pulled."""
    image = with_default_tag(request["Image"])
    cid_file = _CidFile(options["cidfile"])
    try:
        if options["pull"] == "always":
            _pull(session, options, request["Image"])
        request["HostConfig"]["ConsoleSize"] = list(session.output.size())
        created = _create(session, options, request, image)
        for warning in [*(created.get("Warnings") or ()), *_resolver_warnings(request)]:
            session.warn(f"WARNING: {warning}")
        cid_file.write(created["Id"])
        return str(created["Id"])
    finally:
        cid_file.close()


def _create(session: Session, options: "Options", request: "dict[str, Any]", image: str) -> "Any":
    query = {name: options[name] for name in ("name", "platform") if options[name]}
    try:
        return session.engine.post("/containers/create", query, request)
    except NotFound:
        if options["pull"] != "missing" or not image:
            raise
        if not options["quiet"]:
            session.warn(f"Unable to find image '{image}' locally")
        _pull(session, options, request["Image"])
        return session.engine.post("/containers/create", query, request)


def _pull(session: Session, options: "Options", image: str) -> None:
    from slipway.docker.commands.images.pulling import pull_image

    output = None if options["quiet"] else session.error_output
    pull_image(session, image, platform=options["platform"], output=output)


def with_help(error: EngineError, command: str, status: int = ENGINE_FAILURE) -> CommandFailed:
    """The error of `run` and `create` as users know it."""
    return CommandFailed(f"docker: {error}\n\nRun 'docker {command} --help' for more information", status)


def start_failure(error: EngineError) -> CommandFailed:
    """A failure to start, with the exit status that shells use: 127 not found, 126 not executable, else 125."""
    message = str(error)
    if any(
        words in message
        for words in (
            "executable file not found",
            "no such file or directory",
            "system cannot find the file specified",
        )
    ):
        return with_help(error, "run", NOT_FOUND)
    if "permission denied" in message or "is a directory" in message:
        return with_help(error, "run", NOT_EXECUTABLE)
    return with_help(error, "run")


class _CidFile:
    """--cidfile: made before the container, removed again where there came none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._is_written = False
        if not path:
            return
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError as error:
            raise InvalidArgument(
                f"container ID file found, make sure the other container isn't running or delete {path}"
            ) from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InvalidArgument(f"failed to create the container ID file: open {path}: {reason}") from error

    def write(self, container_id: str) -> None:
        if self._descriptor >= 0:
            write_all(self._descriptor, container_id.encode())
            self._is_written = True

    def close(self) -> None:
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        if not self._is_written:
            unlink_if_present(self._path)


def _read(path: str) -> bytes:
    return read_whole(path)


def _proxies(session: Session) -> dict[str, str]:
    """The proxy variables that config.json wants in every container, for this daemon or by default."""
    members = {"httpProxy": "HTTP_PROXY", "httpsProxy": "HTTPS_PROXY", "noProxy": "NO_PROXY", "ftpProxy": "FTP_PROXY"}
    members["allProxy"] = "ALL_PROXY"
    configured = session.config.members.get("proxies") or {}
    chosen = configured.get(session.engine.address.text) or configured.get("default") or {}
    found = {}
    for member, variable in members.items():
        if chosen.get(member):
            found[variable] = found[variable.lower()] = str(chosen[member])
    return found


def _resolver_warnings(request: "dict[str, Any]") -> list[str]:
    return [
        f"Localhost DNS ({address}) may fail in containers."
        for address in request["HostConfig"]["Dns"]
        if address.startswith("127.") or address == "::1"
    ]

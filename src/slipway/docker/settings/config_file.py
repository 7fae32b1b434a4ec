"""~/.docker/config.json: the only place that reads and writes it. A file that is absent is an empty one."""

import os

from slipway.base.errors import InvalidArgument
from slipway.base.files import read_whole, write_atomically
from slipway.clients.dockerd.json_documents import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def default_directory(environment: "Mapping[str, str]") -> str:
    """$DOCKER_CONFIG, or .docker below the home directory."""
    return environment.get("DOCKER_CONFIG") or os.path.join(_home(environment), ".docker")


def _home(environment: "Mapping[str, str]") -> str:
    home = environment.get("HOME")
    if home:
        return home
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


class ConfigFile:
    """The settings of one directory. Members are read where a command asks for one; unknown ones survive `save`."""

    __slots__ = ("_members", "directory")

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._members: dict[str, Any] | None = None

    @property
    def path(self) -> str:
        return os.path.join(self.directory, "config.json")

    @property
    def members(self) -> "dict[str, Any]":
        """The document; raises InvalidArgument where the file is not a JSON object, OSError where it cannot be read."""
        if self._members is None:
            self._members = self._load()
        return self._members

    def text(self, name: str) -> str:
        """A member that is text, or ""."""
        value = self.members.get(name)
        return value if isinstance(value, str) else ""

    def save(self) -> None:
        """Write the members back; only the owner may read them (they hold credentials)."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        import json

        document = {name: value for name, value in self.members.items() if value not in ({}, "", None)}
        document.setdefault("auths", {})
        text = json.dumps(document, indent="\t", ensure_ascii=False)
        write_atomically(os.path.realpath(self.path), text.encode("utf-8", "surrogateescape"))

    def _load(self) -> "dict[str, Any]":
        try:
            data = read_whole(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        try:
            document = parse_json(data, self.path) if data.strip() else {}
        except InvalidArgument as error:
            raise InvalidArgument(f"Error loading config file: {error}") from error
        if not isinstance(document, dict):
            raise InvalidArgument(f"{self.path}: a JSON object is needed")
        return document

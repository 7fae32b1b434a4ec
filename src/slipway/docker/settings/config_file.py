"""~/.docker/config.json: the only place that reads and writes it. A file that is absent is an empty one."""

import os

from slipway.base.errors import InvalidArgument
from slipway.base.files import read_whole, write_atomically
from slipway.clients.dockerd.json_documents import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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

    __slots__ = ("_members", "_unusable", "_warn", "directory")

    def __init__(self, directory: str, warn: "Callable[[str], None]") -> None:
        self.directory = directory
        self._members: dict[str, Any] | None = None
        self._warn = warn
        self._unusable = ""

    @property
    def path(self) -> str:
        return os.path.join(self.directory, "config.json")

    @property
    def members(self) -> "dict[str, Any]":
        """The document. One that cannot be used is warned of, once, and counts as empty: ps needs none of it."""
        if self._members is None:
            self._members = self._load()
        return self._members

    def text(self, name: str) -> str:
        """A member that is text, or ""."""
        value = self.members.get(name)
        return value if isinstance(value, str) else ""

    def save(self) -> None:
        """Write the members back; only the owner may read them (they hold credentials).

        InvalidArgument where the file could not be used: what stands in it, secrets perhaps, is not overwritten.
        """
        if self._unusable:
            raise InvalidArgument(f"write {self.path}: {self._unusable}", hint="mend or remove it")
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        import json

        document = {name: value for name, value in self.members.items() if value not in ({}, "", None)}
        document.setdefault("auths", {})
        text = json.dumps(document, indent="\t", ensure_ascii=False)
        write_atomically(os.path.realpath(self.path), text.encode("utf-8", "surrogateescape"))

    def _load(self) -> "dict[str, Any]":
        try:
            data = read_whole(self.path)
            document = parse_json(data, self.path) if data.strip() else {}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except PermissionError:
            return self._empty("loading config file", f"open {self.path}: permission denied")
        except (OSError, InvalidArgument) as error:
            return self._empty(f"parsing config file ({self.path})", _words(error))
        if not isinstance(document, dict):
            return self._empty(f"parsing config file ({self.path})", "a JSON object is needed")
        return document

    def _empty(self, what: str, why: str) -> "dict[str, Any]":
        self._unusable = why
        self._warn(f"WARNING: Error {what}: {why}")
        return {}


def _words(error: "OSError | InvalidArgument") -> str:
    return (error.strerror or "").lower() if isinstance(error, OSError) else str(error)

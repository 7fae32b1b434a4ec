"""The folder that holds a container's `config.json`."""

import os

from slipway.base import json_text
from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.files import read_whole
from slipway.contracts.oci.runtime import Spec, spec_from_json
from slipway.runc.spec.validate import check_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_CONFIGURATION = "config.json"


class Bundle:
    """`path` is absolute; `source` the configuration as JSON structures, `spec` as objects, checked."""

    __slots__ = ("path", "source", "spec")

    def __init__(self, path: str, source: "dict[str, Json]", spec: Spec) -> None:
        self.path = path
        self.source = source
        self.spec = spec

    def profile_source(self) -> "Json":
        """The seccomp profile's JSON: a stable key for what is compiled from it."""
        linux = self.source.get("linux")
        return linux.get("seccomp") if isinstance(linux, dict) else None

    def process_source(self) -> "Json":
        """The JSON of the container's own process."""
        return self.source.get("process")

    def hooks_source(self, name: str) -> "Json":
        """The JSON of one kind of hooks, to be kept in the state."""
        hooks = self.source.get("hooks")
        return hooks.get(name) if isinstance(hooks, dict) else None


def load_bundle(path: str) -> Bundle:
    """Raises NotFound without a config.json, InvalidArgument for one that cannot be, OSError for no folder."""
    directory = os.path.abspath(path or ".")
    try:
        os.stat(f"{directory}/.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"chdir {path}") from None
    try:
        text = read_whole(f"{directory}/{_CONFIGURATION}")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"JSON specification file {_CONFIGURATION} not found") from None
    source = json_text.loads(text, f"{directory}/{_CONFIGURATION}")
    if source is None:
        raise InvalidArgument("config cannot be null")
    spec = spec_from_json(source)
    check_spec(spec)
    assert isinstance(source, dict)
    return Bundle(directory, source, spec)

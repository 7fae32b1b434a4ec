"""docker inspect: whatever has the name, looked for as container, image, network, volume in this order."""

from slipway.base.errors import InvalidArgument, NotFound
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.commands.inspecting import inspect_all
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.options.shared_flags import inspect_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_PATHS = {
    "container": "/containers/{}/json",
    "image": "/images/{}/json",
    "network": "/networks/{}",
    "volume": "/volumes/{}",
}
_KNOWN_TYPES = ("config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume")


def _flags() -> list[Flag]:
    return [
        inspect_format(),
        boolean("size", "Show the sizes of a container's files too", short="s"),
        text("type", "Look only for objects of this type"),
    ]


def _run(session: "Session", options: "Options") -> int:
    wanted = options["type"]
    if "type" in options.changed and wanted not in _KNOWN_TYPES:
        if not wanted:
            raise InvalidArgument('type is empty: must be one of "' + '", "'.join(_KNOWN_TYPES) + '"')
        raise InvalidArgument(f'unknown type: "{wanted}": must be one of "' + '", "'.join(_KNOWN_TYPES) + '"')
    kinds = [wanted] if wanted else list(_PATHS)
    return inspect_all(
        session,
        options.arguments,
        options["format"],
        lambda name: _fetch(session, name, kinds, with_size=options["size"]),
    )


def _fetch(session: "Session", name: str, kinds: "list[str]", *, with_size: bool) -> bytes:
    for kind in kinds:
        if kind not in _PATHS:
            raise NotFound(f"Error: No such {kind}: {name}")
        query = {"size": "1"} if with_size and kind == "container" else {}
        try:
            return session.engine.get_bytes(_PATHS[kind].format(name), query)
        except NotFound:
            if len(kinds) == 1:
                raise
    raise NotFound(f"Error: No such object: {name}")


INSPECT = Command(_run, "[OPTIONS] NAME|ID [NAME|ID...]", arguments=(1, UNLIMITED), flags=_flags)

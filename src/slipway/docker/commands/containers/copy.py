"""docker cp: not there yet."""

from slipway.base.errors import NotImplementedByEngine
from slipway.docker.command import Command
from slipway.docker.options.flags import Flag, boolean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("archive", "Keep users and groups", short="a"),
        boolean("follow-link", "Follow a symbolic link at SRC_PATH", short="L"),
        boolean("quiet", "Show no progress", short="q"),
    ]


def _run(_session: "Session", _options: "Options") -> "NoReturn":
    raise NotImplementedByEngine("docker cp is not there yet", "docker exec -i CONTAINER tar works in the meantime")


COPY = Command(
    _run,
    "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    arguments=(2, 2),
    flags=_flags,
    names=("container cp", "cp"),
)

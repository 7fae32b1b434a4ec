"""docker build and docker push: not there yet."""

from slipway.base.errors import NotImplementedByEngine
from slipway.docker.command import UNLIMITED, Command
from slipway.docker.options.flags import Flag, boolean, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _build(_session: "Session", _options: "Options") -> "NoReturn":
    raise NotImplementedByEngine("docker build is not there yet", "build elsewhere, then docker save and docker load")


def _push(_session: "Session", _options: "Options") -> "NoReturn":
    raise NotImplementedByEngine("docker push is not there yet", "docker save writes an archive that others can load")


def _push_flags() -> list[Flag]:
    return [
        boolean("all-tags", "Upload every tag of the repository", short="a"),
        boolean("disable-content-trust", "Do not sign the image", default=True),
        text("platform", "Upload only this platform"),
        boolean("quiet", "Show no progress", short="q"),
    ]


BUILD = Command(_build, "[OPTIONS] PATH | URL | -", arguments=(0, UNLIMITED), are_mixed=False)
PUSH = Command(_push, "[OPTIONS] NAME[:TAG]", arguments=(1, 1), flags=_push_flags, names=("image push", "push"))

"""docker build: not there yet."""

from slipway.base.errors import NotImplementedByEngine
from slipway.docker.command import UNLIMITED, Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _build(_session: "Session", _options: "Options") -> "NoReturn":
    raise NotImplementedByEngine("docker build is not there yet", "build elsewhere, then docker save and docker load")


BUILD = Command(_build, "[OPTIONS] PATH | URL | -", arguments=(0, UNLIMITED), are_mixed=False)

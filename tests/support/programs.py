"""The engine's programs as the tests start them: the daemons watched, and, if so chosen, each program by its path.

`by_path` exchanges what our engine does by fork for what the protocols say: no template, so that containerd execs the
shim that it finds by name on PATH; and a shim that execs our runc as it would any other's.
"""

from pathlib import Path

from tests.support import api_record
from tests.support.paths import CHECKOUT, LAUNCHERS
from tools.dev import launchers

HEAD = """#!/bin/sh
'''exec' '{python}' -I -S "$0" "$@"
' '''
import sys

sys.path[:0] = [{source!r}, {libraries!r}]
"""
WATCHED = """
import os
sys.path.insert(0, {support!r})
import loop_watchdog
del sys.path[0]
if report := os.environ.get("SLIPWAY_WATCHDOG"):
    loop_watchdog.install(report)
"""
WITHOUT_TEMPLATE = """
if "--config" in sys.argv:
    place = sys.argv[sys.argv.index("--config") + 1]
    with open(place) as file:
        text = file.read()
    with open(place, "w") as file:
        file.write("shim_template = false\\n" + text)
"""
RUNC_BY_PATH = """
from slipway.clients.runc.program import executed
from slipway.launch import shim
shim.default_runtime = lambda: executed({runc!r})
"""
MAIN = """
from slipway.launch.{module} import main

main()
"""


class Programs:
    """Which folder of launchers `OurEngine` takes when it is not told. A benchmark leaves it as it is: unwatched."""

    folder = LAUNCHERS
    by_path = False

    @classmethod
    def containerd(cls) -> Path:
        """Our containerd where it is the only program of ours: unwatched, unless its calls are noted."""
        return (cls.folder if api_record.is_on() else LAUNCHERS) / "containerd"

    @classmethod
    def choose(cls, *, by_path: bool) -> None:
        """From now on the daemons are watched; and called by path, if asked for."""
        launchers.make(CHECKOUT)
        cls.by_path = by_path
        cls.folder = CHECKOUT / ".dev" / ("by-path" if by_path else "watched")
        cls.folder.mkdir(exist_ok=True)
        for name, module in launchers.PROGRAMS.items():
            launchers.write(cls.folder / name, _text(name, module, by_path=by_path))


def _text(name: str, module: str, *, by_path: bool) -> str:
    parts = [HEAD]
    if name in ("dockerd", "containerd"):
        parts.append(WATCHED)
    if name == "containerd":
        parts.append(api_record.launcher_text())
    if name == "containerd" and by_path:
        parts.append(WITHOUT_TEMPLATE)
    if name == "containerd-shim-runc-v2" and by_path:
        parts.append(RUNC_BY_PATH)
    ours = {"support": str(CHECKOUT / "tests" / "support"), "runc": str(LAUNCHERS / "runc")}
    return "".join([*parts, MAIN]).format(module=module, **launchers.values_for(CHECKOUT), **ours)

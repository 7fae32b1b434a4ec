"""`docker top`: the container's processes as the host's ps shows them."""

import asyncio
import os
import re
import subprocess
from typing import Any, Final

from slipway.base.errors import FailedPrecondition, InternalError, InvalidArgument
from slipway.dockerd.containers.announce import announce
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment

DEFAULT_ARGUMENTS: Final = "-ef"
TIMEOUT: Final = 10.0
_ARGUMENTS: Final = re.compile(r"[a-zA-Z0-9 ,=_%+:-]*")


async def top(environment: ContainerEnvironment, container: Container, arguments: str) -> dict[str, Any]:
    """Titles and rows. `ps` is the host's, with an environment of its own; nothing of the container is executed."""
    if not container.state.is_running:
        raise FailedPrecondition(f"container {container.id} is not running")
    arguments = arguments or DEFAULT_ARGUMENTS
    if not _ARGUMENTS.fullmatch(arguments):
        raise InvalidArgument(f"ps arguments {arguments!r}: unsupported characters")
    # As texts: what stands in a column may be a container's own words, and is no number then.
    pids = {str(pid) for pid in await environment.containerd.tasks.pids(container.id)}
    titles, rows = _table(await asyncio.to_thread(_run_ps, arguments.split()))
    try:
        column = titles.index("PID")
    except ValueError as error:
        raise InvalidArgument("Couldn't find PID field in ps output") from error
    mine = [row for row in rows if len(row) > column and row[column] in pids]
    announce(environment, container, "top")
    return {"Titles": titles, "Processes": mine}


def _run_ps(arguments: list[str]) -> str:
    """Blocks. By subprocess, which closes every descriptor of this daemon in the child; uvloop's own does not."""
    try:
        done = subprocess.run(
            ["ps", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            timeout=TIMEOUT,
            check=False,
        )
    except OSError as error:
        raise InternalError(f"run ps: {error.strerror}", hint="install procps") from error
    except subprocess.TimeoutExpired as error:
        raise InternalError(f"run ps: it did not end within {TIMEOUT:g} seconds") from error
    if done.returncode:
        text = done.stderr.decode("utf-8", "replace").strip()
        raise InvalidArgument(f"error running ps: {text.splitlines()[0] if text else done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def _table(text: str) -> tuple[list[str], list[list[str]]]:
    """The last column takes the rest of the line: commands have spaces.

    Not `splitlines`: that ends lines at more characters than ps does.
    """
    lines = text.removesuffix("\n").split("\n")
    titles = lines[0].split() if lines else []
    return titles, [line.split(None, max(0, len(titles) - 1)) for line in lines[1:]]

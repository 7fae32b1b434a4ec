"""`runc delete`: remove what a stopped container holds, with --force a running one too."""

import os

from slipway.base.errors import NotFound
from slipway.linux import processes
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, Flag, Options, check_arguments
from slipway.runc.process.end import KILL, delete_container

INTERLEAVED = True
FLAGS = (Flag(SWITCH, "force", "f"),)


def run(context: Context, options: Options) -> int:
    check_arguments("delete", options, 1, 1)
    container = options.arguments[0]
    force = options.switch("force")
    if force:
        _end_init(context, container)
    try:
        with context.store.lock(container):
            delete_container(context.store, context.store.load(container), force=force, warn=context.log.warning)
    except NotFound:
        context.store.remove(container)  # a folder without state: its maker died at once
        if not force:
            raise
    return 0


def _end_init(context: Context, container: str) -> None:
    """Another command may hold the lock until init goes on (`start`, of a hook that hangs): then this ends it."""
    try:
        state = context.store.load(container)
        if not state.pid:  # still being made, by who holds no lock
            return
        pidfd = processes.open_process(state.pid, state.start)
    except (NotFound, ProcessLookupError):
        return
    try:
        processes.send_signal(pidfd, KILL)
    except ProcessLookupError:
        return
    finally:
        os.close(pidfd)

"""`runc delete`: remove what a stopped container holds, with --force a running one too."""

from slipway.base.errors import NotFound
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, Flag, Options, check_arguments
from slipway.runc.process.end import delete_container

INTERLEAVED = True
FLAGS = (Flag(SWITCH, "force", "f"),)


def run(context: Context, options: Options) -> int:
    check_arguments("delete", options, 1, 1)
    container = options.arguments[0]
    force = options.switch("force")
    try:
        with context.store.lock(container):
            delete_container(context.store, context.store.load(container), force=force, warn=context.log.warning)
    except NotFound:
        context.store.remove(container)  # a folder without state: its maker died at once
        if not force:
            raise
    return 0

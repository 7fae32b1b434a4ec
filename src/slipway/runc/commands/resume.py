"""`runc resume`: let a paused container go on."""

from slipway.runc.commands.context import Context
from slipway.runc.options.parse import Flag, Options, check_arguments
from slipway.runc.process.freeze import freeze_container

INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()


def run(context: Context, options: Options) -> int:
    check_arguments("resume", options, 1, 1)
    with context.store.lock(options.arguments[0]):
        freeze_container(context.store, context.store.load(options.arguments[0]), frozen=False)
    return 0

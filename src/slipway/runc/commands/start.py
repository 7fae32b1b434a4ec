"""`runc start`: let a created container's program run."""

from slipway.runc.commands.context import Context
from slipway.runc.options.parse import Flag, Options, check_arguments
from slipway.runc.process.start import start_container

INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()


def run(context: Context, options: Options) -> int:
    check_arguments("start", options, 1, 1)
    container = options.arguments[0]
    with context.store.lock(container):
        start_container(context.store, context.store.load(container))
    return 0

"""`runc start`: let a created container's program run."""

import os

from slipway.runc.commands.context import Context
from slipway.runc.options.parse import Flag, Options, check_arguments
from slipway.runc.process.start import check_startable, run_poststart_hooks, start_container
from slipway.runc.state.model import ContainerState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.runc.process.notify import Notifier

INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()


def run(context: Context, options: Options) -> int:
    check_arguments("start", options, 1, 1)
    container = options.arguments[0]
    manager = os.environ.get("NOTIFY_SOCKET", "")
    with context.store.lock(container):
        state = context.store.load(container)
        notifier = None
        if manager:
            check_startable(context.store, state)
            notifier = _notifier(context, state, manager)
        start_container(context.store, state)
    run_poststart_hooks(state)
    if notifier is not None:
        notifier.wait(state.pid, state.start)
    return 0


def _notifier(context: Context, state: ContainerState, manager: str) -> "Notifier":
    from slipway.runc.process.notify import Notifier  # only under a service manager

    return Notifier(context.store, state, manager, state.pid)

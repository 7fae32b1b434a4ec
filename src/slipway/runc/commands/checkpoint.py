"""`runc checkpoint`: save a running container to files, by criu."""

import os

from slipway.runc.commands.context import Context
from slipway.runc.options.checkpoint import CHECKPOINT, CriuChoices
from slipway.runc.options.parse import Options, check_arguments
from slipway.runc.process.checkpoint import checkpoint_container
from slipway.runc.process.end import delete_container
from slipway.runc.state import lifecycle
from slipway.runc.state.status import current_status

INTERLEAVED = True
FLAGS = CHECKPOINT


def run(context: Context, options: Options) -> int:
    check_arguments("checkpoint", options, 1, 1)
    choices = CriuChoices(options, os.getcwd())
    with context.store.lock(options.arguments[0]):
        state = context.store.load(options.arguments[0])
        lifecycle.check("checkpoint", state.id, current_status(context.store, state))
        checkpoint_container(state, choices, context.log.warning)
        if not choices.leave_running and not choices.pre_dump:
            delete_container(context.store, state, force=True, warn=context.log.warning)
    return 0

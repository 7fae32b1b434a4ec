"""`runc restore`: make a container from a checkpoint, by criu."""

import os

from slipway.linux import descriptors, prctl, signals
from slipway.runc.bundle import load_bundle
from slipway.runc.commands.context import Context
from slipway.runc.commands.run import console_pair, delete_ended
from slipway.runc.options.checkpoint import RESTORE, CriuChoices
from slipway.runc.options.globals import rootless_from_text
from slipway.runc.options.parse import Options, check_arguments
from slipway.runc.process.announce import write_pid_file
from slipway.runc.process.end import delete_container
from slipway.runc.process.foreground import wait_in_foreground
from slipway.runc.process.prepare import CreateOptions, open_console
from slipway.runc.process.restore import restore_container

INTERLEAVED = True
FLAGS = RESTORE


def run(context: Context, options: Options) -> int:
    """The program's own exit status; 0 when detached."""
    check_arguments("restore", options, 1, 1)
    rootless_from_text(context.rootless)
    choices = CriuChoices(options, os.getcwd())
    pid_file = os.path.abspath(options.text("pid-file")) if options.text("pid-file") else ""
    bundle = load_bundle(options.text("bundle"))
    created = CreateOptions(options.arguments[0])
    created.systemd = context.systemd_cgroup
    detached = options.switch("detach")
    ours, theirs = -1, -1
    process = bundle.spec.process
    if process is not None:
        theirs = open_console(process, options.text("console-socket"), detached=detached)
        if process.terminal and not detached:
            ours, theirs = console_pair()
    if not detached:
        signals.hold_back()
    state = restore_container(context.store, bundle, created, choices, theirs, context.log.warning)
    if options.switch("no-subreaper"):
        prctl.set_child_subreaper(False)
    try:
        if pid_file:
            write_pid_file(pid_file, state.pid)
        if theirs >= 0:
            os.close(theirs)  # nobody else has it, if the container has no terminal: then waiting ends
        master = descriptors.receive_descriptor(ours) if ours >= 0 else -1
        status = 0 if detached else wait_in_foreground(state.pid, master)
    except BaseException:
        delete_container(context.store, state, force=True)
        raise
    if not detached:
        delete_ended(context, state)
    return status

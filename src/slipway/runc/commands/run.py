"""`runc run`: create and start, and stay until the program ends, unless detached."""

import _socket
import os

from slipway.base.errors import EngineError, InternalError
from slipway.linux import descriptors, signals
from slipway.runc.bundle import load_bundle
from slipway.runc.commands import create
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, Flag, Options, check_arguments
from slipway.runc.process.end import delete_container
from slipway.runc.process.foreground import wait_in_foreground
from slipway.runc.process.parent import create_container
from slipway.runc.process.start import start_container
from slipway.runc.report import words_of

INTERLEAVED = True
FLAGS = (
    *create.FLAGS,
    Flag(SWITCH, "detach", "d"),
    Flag(SWITCH, "keep"),
    Flag(SWITCH, "no-subreaper"),
)


def run(context: Context, options: Options) -> int:
    """The program's own exit status; 0 when detached."""
    check_arguments("run", options, 1, 1)
    try:
        return _run(context, options)
    except (EngineError, OSError) as error:
        raise InternalError(f"runc run failed: {words_of(error)}") from error


def _run(context: Context, options: Options) -> int:
    bundle = load_bundle(options.text("bundle"))
    chosen = create.create_options(context, options)
    detached = options.switch("detach")
    ours, theirs = -1, -1
    if bundle.spec.process is not None and bundle.spec.process.terminal and not detached:
        ours, theirs = console_pair()
    state = create_container(context.store, bundle, chosen, theirs)
    master = -1
    if ours >= 0:
        os.close(theirs)
        master = descriptors.receive_descriptor(ours)
    if not detached:
        signals.hold_back()
    try:
        start_container(context.store, state)
    except BaseException:
        delete_container(context.store, state, force=True)
        raise
    if detached:
        return 0
    status = wait_in_foreground(state.pid, master)
    if not options.switch("keep"):
        delete_container(context.store, state, force=True)
    return status


def console_pair() -> tuple[int, int]:
    """A socket pair over which the child hands us its terminal's master."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    return ours.detach(), theirs.detach()

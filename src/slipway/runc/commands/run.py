"""`runc run`: create and start, and stay until the program ends, unless detached."""

import _socket
import os

from slipway.base.errors import EngineError, InternalError, NotFound
from slipway.linux import descriptors, prctl, signals
from slipway.runc.bundle import load_bundle
from slipway.runc.commands import create
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, Flag, Options, check_arguments
from slipway.runc.process.end import delete_container
from slipway.runc.process.foreground import follow_size, wait_in_foreground
from slipway.runc.process.parent import create_container
from slipway.runc.process.prepare import check_console
from slipway.runc.process.start import run_poststart_hooks, start_container
from slipway.runc.report import words_of
from slipway.runc.state.model import ContainerState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.runc.process.notify import Notifier

INTERLEAVED = True
FLAGS = (
    *create.PLACES,
    Flag(SWITCH, "detach", "d"),
    Flag(SWITCH, "keep"),
    create.PID_FILE,
    Flag(SWITCH, "no-subreaper"),
    *create.WAYS,
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
    chosen = create.create_options(context, options, bundle)
    detached = options.switch("detach")
    ours, theirs = -1, -1
    if bundle.spec.process is not None:
        check_console(bundle.spec.process, chosen.console_socket, detached=detached)
        if bundle.spec.process.terminal and not detached:
            ours, theirs = console_pair()
    state = create_container(context.store, bundle, chosen, theirs)
    if options.switch("no-subreaper"):
        prctl.set_child_subreaper(False)
    master = -1
    if ours >= 0:
        os.close(theirs)
        master = descriptors.receive_descriptor(ours)
        follow_size(master)  # before the program can ask for it
    if not detached:
        signals.hold_back()
    try:
        notifier = _notifier(context, state, detached=detached) if chosen.notify else None
        start_container(context.store, state)
        run_poststart_hooks(state)
    except BaseException:
        delete_container(context.store, state, force=True, warn=context.log.warning)
        raise
    if detached:
        if notifier is not None:
            notifier.wait(state.pid, state.start)
        return 0
    try:
        status = wait_in_foreground(state.pid, master, notifier)
    except BaseException:
        delete_container(context.store, state, force=True, warn=context.log.warning)
        raise
    if not options.switch("keep"):
        delete_ended(context, state)
    return status


def delete_ended(context: Context, state: ContainerState) -> None:
    """What we waited for is over. `delete` or `checkpoint` may be faster: then it is theirs."""
    try:
        with context.store.lock(state.id):
            if context.store.load(state.id).pid == state.pid:
                delete_container(context.store, state, force=True, warn=context.log.warning)
    except NotFound:
        return


def _notifier(context: Context, state: ContainerState, *, detached: bool) -> "Notifier":
    """The service manager shall watch what lives as long as the container: us, if we stay."""
    from slipway.runc.process.notify import Notifier  # only under a service manager

    main_pid = state.pid if detached else os.getpid()
    return Notifier(context.store, state, os.environ["NOTIFY_SOCKET"], main_pid)


def console_pair() -> tuple[int, int]:
    """A socket pair over which the child hands us its terminal's master."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    return ours.detach(), theirs.detach()

"""`runc create`: make a container whose program waits for `start`."""

import os

from slipway.base.errors import EngineError, InternalError
from slipway.linux.user_namespace import is_initial_user_namespace
from slipway.runc.bundle import Bundle, load_bundle
from slipway.runc.commands.context import Context, check_preserved
from slipway.runc.options.globals import rootless_from_text
from slipway.runc.options.parse import NUMBER, SWITCH, TEXT, Flag, Options, check_arguments
from slipway.runc.process import activation
from slipway.runc.process.parent import create_container
from slipway.runc.process.prepare import CreateOptions
from slipway.runc.report import words_of

INTERLEAVED = True
PLACES = (
    Flag(TEXT, "bundle", "b"),
    Flag(TEXT, "console-socket"),
    Flag(TEXT, "pidfd-socket"),
)
PID_FILE = Flag(TEXT, "pid-file")
WAYS = (
    Flag(SWITCH, "no-pivot"),
    Flag(SWITCH, "no-new-keyring"),
    Flag(NUMBER, "preserve-fds"),
)
FLAGS = (*PLACES, PID_FILE, *WAYS)


def run(context: Context, options: Options) -> int:
    check_arguments("create", options, 1, 1)
    try:
        bundle = load_bundle(options.text("bundle"))
        create_container(context.store, bundle, create_options(context, options, bundle))
    except (EngineError, OSError) as error:
        raise InternalError(f"runc create failed: {words_of(error)}") from error
    return 0


def create_options(context: Context, options: Options, bundle: Bundle) -> CreateOptions:
    """What `create` and `run` have in common. Changes the specification by what our own environment asks for."""
    chosen = CreateOptions(options.arguments[0])
    chosen.rootless_groups = wants_rootless_groups(context)
    chosen.warn = context.log.warning
    chosen.debug = context.log.debug if context.log.tells_all else None
    chosen.console_socket = options.text("console-socket")
    chosen.pid_file = os.path.abspath(options.text("pid-file")) if options.text("pid-file") else ""
    chosen.stage = context.stage
    chosen.pivot = not options.switch("no-pivot")
    chosen.systemd = context.systemd_cgroup
    chosen.keyring = not options.switch("no-new-keyring")
    chosen.pidfd_socket = options.text("pidfd-socket")
    chosen.preserved = max(0, options.number("preserve-fds") or 0)
    if bundle.spec.process is not None:
        chosen.passed = activation.pass_listeners(bundle.spec.process)
        if activation.is_notified():
            context.store.directory(chosen.container)  # the id becomes part of a mount's source
            chosen.notify = context.store.notify_directory(chosen.container)
            activation.add_notify_socket(bundle.spec, chosen.notify)
    check_preserved(context.given, chosen.passed, chosen.preserved)
    return chosen


def wants_rootless_groups(context: Context) -> bool:
    """What --rootless says, or else who we are: groups of systemd are asked of one that may give them."""
    said = rootless_from_text(context.rootless)
    if said is not None:
        return said
    if os.geteuid() != 0:
        return True
    return not is_initial_user_namespace() and not context.systemd_cgroup

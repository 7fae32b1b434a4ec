"""`runc create`: make a container whose program waits for `start`."""

import os

from slipway.base.errors import EngineError, InternalError, NotImplementedByEngine
from slipway.base.identifiers import integer_from_text
from slipway.runc.bundle import load_bundle
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, TEXT, Flag, Options, check_arguments
from slipway.runc.process.parent import create_container
from slipway.runc.process.prepare import CreateOptions
from slipway.runc.report import words_of

INTERLEAVED = True
FLAGS = (
    Flag(TEXT, "bundle", "b"),
    Flag(TEXT, "console-socket"),
    Flag(TEXT, "pidfd-socket"),
    Flag(TEXT, "pid-file"),
    Flag(SWITCH, "no-pivot"),
    Flag(SWITCH, "no-new-keyring"),
    Flag(TEXT, "preserve-fds"),
)


def run(context: Context, options: Options) -> int:
    check_arguments("create", options, 1, 1)
    try:
        create_container(context.store, load_bundle(options.text("bundle")), create_options(context, options))
    except (EngineError, OSError) as error:
        raise InternalError(f"runc create failed: {words_of(error)}") from error
    return 0


def create_options(context: Context, options: Options) -> CreateOptions:
    """What `create` and `run` have in common."""
    if context.systemd_cgroup:
        raise NotImplementedByEngine("--systemd-cgroup is not implemented", "use the cgroupfs driver")
    if options.text("pidfd-socket"):
        raise NotImplementedByEngine("--pidfd-socket is not implemented")
    chosen = CreateOptions(options.arguments[0])
    chosen.console_socket = options.text("console-socket")
    chosen.pid_file = os.path.abspath(options.text("pid-file")) if options.text("pid-file") else ""
    chosen.pivot = not options.switch("no-pivot")
    chosen.keyring = not options.switch("no-new-keyring")
    chosen.preserved = integer_from_text(options.text("preserve-fds", "0"), "preserve-fds", high=1 << 16)
    return chosen

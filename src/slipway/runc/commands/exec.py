"""`runc exec`: a further process in a running container."""

import os

from slipway.base import json_text
from slipway.base.errors import EngineError, InternalError, InvalidArgument
from slipway.base.files import read_whole
from slipway.base.identifiers import integer_from_text
from slipway.contracts.oci.runtime import LAST_ID, Capabilities, ConsoleSize, Process, process_from_json
from slipway.contracts.oci.runtime_fields import Fields
from slipway.linux import descriptors, pty, signals
from slipway.runc.bundle import load_bundle
from slipway.runc.commands.context import Context, check_preserved
from slipway.runc.commands.run import console_pair
from slipway.runc.options.parse import NUMBER, NUMBERS, SWITCH, TEXT, TEXTS, Flag, Options, check_arguments
from slipway.runc.plan.sub_groups import paths_from_arguments
from slipway.runc.process.announce import dial_for_pidfd
from slipway.runc.process.exec import ExecOptions, exec_process
from slipway.runc.process.foreground import wait_in_foreground
from slipway.runc.process.prepare import open_console
from slipway.runc.report import words_of
from slipway.runc.spec.inherited import completed
from slipway.runc.spec.validate import check_process
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status

INTERLEAVED = False
FLAGS = (
    Flag(TEXT, "console-socket"),
    Flag(TEXT, "pidfd-socket"),
    Flag(TEXT, "cwd"),
    Flag(TEXTS, "env", "e"),
    Flag(SWITCH, "tty", "t"),
    Flag(TEXT, "user", "u"),
    Flag(NUMBERS, "additional-gids", "g"),
    Flag(TEXT, "process", "p"),
    Flag(SWITCH, "detach", "d"),
    Flag(TEXT, "pid-file"),
    Flag(TEXT, "process-label"),
    Flag(TEXT, "apparmor"),
    Flag(SWITCH, "no-new-privs"),
    Flag(TEXTS, "cap", "c"),
    Flag(NUMBER, "preserve-fds"),
    Flag(TEXTS, "cgroup"),
    Flag(SWITCH, "ignore-paused"),
)
FAILURE_STATUS = 255


def run(context: Context, options: Options) -> int:
    """The process's own exit status; 0 when detached; 255 if it could not be started."""
    check_arguments("exec", options, 1)
    try:
        return _run(context, options)
    except (EngineError, OSError) as error:
        raise InternalError(f"exec failed: {words_of(error)}") from error


def _run(context: Context, options: Options) -> int:
    state = context.store.load(options.arguments[0])
    verb = "exec --ignore-paused" if options.switch("ignore-paused") else "exec"
    lifecycle.check(verb, state.id, current_status(context.store, state))
    process = _process_from_file(options.text("process"), state) if options.given("process") else None
    if process is None:
        process = _process_from_bundle(state.bundle, options)
    check_process(process)
    detached = options.switch("detach")
    chosen = ExecOptions()
    chosen.warn = context.log.warning
    chosen.stage = context.stage
    chosen.ignore_paused = options.switch("ignore-paused")
    chosen.pid_file = os.path.abspath(options.text("pid-file")) if options.text("pid-file") else ""
    chosen.preserved = max(0, options.number("preserve-fds") or 0)
    check_preserved(context.given, 0, chosen.preserved)
    chosen.groups = paths_from_arguments(options.texts("cgroup"))
    chosen.console = open_console(process, options.text("console-socket"), detached=detached)
    ours = -1
    if process.terminal and not detached:
        ours, chosen.console = console_pair()
        _take_size_of_ours(process)
    chosen.pidfd_socket = dial_for_pidfd(options.text("pidfd-socket"))
    if not detached:
        signals.hold_back()
    pid = exec_process(context.store, state, process, chosen)
    if detached:
        return 0
    master = -1
    if ours >= 0:
        os.close(chosen.console)
        master = descriptors.receive_descriptor(ours)
    return wait_in_foreground(pid, master)


def _take_size_of_ours(process: Process) -> None:
    """The program runs before its terminal's master reaches us, which could be given the size then."""
    try:
        height, width = pty.size_of(0)
    except OSError:
        return
    process.console_size = ConsoleSize(Fields({"height": height, "width": width}, "consoleSize"))


def _process_from_file(path: str, state: ContainerState) -> Process:
    try:
        text = read_whole(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"open {path}") from None
    return process_from_json(completed(json_text.loads(text, path), state.inherited))


def _process_from_bundle(bundle: str, options: Options) -> Process:
    """The bundle's own process with what the command line changes."""
    process = load_bundle(bundle).spec.process
    if process is None:
        raise InvalidArgument("process property must not be empty")
    if len(options.arguments) < 2:
        raise InvalidArgument("exec args cannot be empty")
    process.args = options.arguments[1:]
    process.cwd = options.text("cwd") or process.cwd
    process.env = process.env + options.texts("env")
    process.terminal = options.switch("tty")
    process.apparmor_profile = options.text("apparmor") or process.apparmor_profile
    process.selinux_label = options.text("process-label") or process.selinux_label
    if options.given("no-new-privs"):
        process.no_new_privileges = options.switch("no-new-privs")
    _change_user(process, options)
    if options.texts("cap"):
        _add_capabilities(process, options.texts("cap"))
    return process


def _change_user(process: Process, options: Options) -> None:
    user, separator, group = options.text("user").partition(":")
    if user or separator:
        process.user.uid = integer_from_text(user, "bad uid:", high=LAST_ID)
        if separator:
            process.user.gid = integer_from_text(group, "bad gid:", high=LAST_ID)
    for gid in options.texts("additional-gids"):
        if gid.startswith("-"):
            raise InvalidArgument(f"additional-gids must be a positive number {gid}")
        process.user.additional_gids.append(integer_from_text(gid, "additional gid", high=LAST_ID))


def _add_capabilities(process: Process, names: list[str]) -> None:
    """Never to the inheritable set (CVE-2022-29162); to the ambient one only where inheritable ones were asked for."""
    if process.capabilities is None:
        process.capabilities = Capabilities(Fields({}, "capabilities"))
    sets = process.capabilities
    for target in (sets.bounding, sets.effective, sets.permitted):
        target.extend(names)
    sets.ambient.extend(name for name in names if name in sets.inheritable)

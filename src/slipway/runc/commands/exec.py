"""`runc exec`: a further process in a running container."""

import os

from slipway.base import json_text
from slipway.base.errors import EngineError, InternalError, InvalidArgument
from slipway.base.files import read_whole
from slipway.base.identifiers import integer_from_text
from slipway.contracts.oci.runtime import Capabilities, Process, process_from_json
from slipway.contracts.oci.runtime_fields import Fields
from slipway.linux import descriptors, signals
from slipway.runc.bundle import load_bundle
from slipway.runc.commands.context import Context
from slipway.runc.commands.run import console_pair
from slipway.runc.options.parse import SWITCH, TEXT, TEXTS, Flag, Options, check_arguments
from slipway.runc.process.exec import ExecOptions, exec_process
from slipway.runc.process.foreground import wait_in_foreground
from slipway.runc.process.prepare import open_console
from slipway.runc.report import words_of
from slipway.runc.spec.validate import check_process

INTERLEAVED = False
FLAGS = (
    Flag(TEXT, "console-socket"),
    Flag(TEXT, "pidfd-socket"),
    Flag(TEXT, "cwd"),
    Flag(TEXTS, "env", "e"),
    Flag(SWITCH, "tty", "t"),
    Flag(TEXT, "user", "u"),
    Flag(TEXTS, "additional-gids", "g"),
    Flag(TEXT, "process", "p"),
    Flag(SWITCH, "detach", "d"),
    Flag(TEXT, "pid-file"),
    Flag(TEXT, "process-label"),
    Flag(TEXT, "apparmor"),
    Flag(SWITCH, "no-new-privs"),
    Flag(TEXTS, "cap", "c"),
    Flag(TEXT, "preserve-fds"),
    Flag(TEXTS, "cgroup"),
    Flag(SWITCH, "ignore-paused"),
)
FAILURE_STATUS = 255

_ID_LIMIT = (1 << 32) - 1


def run(context: Context, options: Options) -> int:
    """The process's own exit status; 0 when detached; 255 if it could not be started."""
    check_arguments("exec", options, 1)
    try:
        return _run(context, options)
    except (EngineError, OSError) as error:
        raise InternalError(f"exec failed: {words_of(error)}") from error


def _run(context: Context, options: Options) -> int:
    state = context.store.load(options.arguments[0])
    process = _process_from_file(options.text("process")) if options.given("process") else None
    if process is None:
        process = _process_from_bundle(state.bundle, options)
    check_process(process)
    detached = options.switch("detach")
    chosen = ExecOptions()
    chosen.ignore_paused = options.switch("ignore-paused")
    chosen.pid_file = os.path.abspath(options.text("pid-file")) if options.text("pid-file") else ""
    chosen.preserved = integer_from_text(options.text("preserve-fds", "0"), "preserve-fds", high=1 << 16)
    chosen.console = open_console(process, options.text("console-socket"), detached=detached)
    ours = -1
    if process.terminal and not detached:
        ours, chosen.console = console_pair()
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


def _process_from_file(path: str) -> Process:
    return process_from_json(json_text.loads(read_whole(path), path))


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
    if user:
        process.user.uid = integer_from_text(user, "bad uid:", high=_ID_LIMIT)
        if separator:
            process.user.gid = integer_from_text(group, "bad gid:", high=_ID_LIMIT)
    for gid in options.texts("additional-gids"):
        process.user.additional_gids.append(integer_from_text(gid, "additional gid", high=_ID_LIMIT))


def _add_capabilities(process: Process, names: list[str]) -> None:
    """Never to the inheritable set (CVE-2022-29162); to the ambient one only where inheritable ones were asked for."""
    if process.capabilities is None:
        process.capabilities = Capabilities(Fields({}, "capabilities"))
    sets = process.capabilities
    for target in (sets.bounding, sets.effective, sets.permitted):
        target.extend(names)
    sets.ambient.extend(name for name in names if name in sets.inheritable)

"""The command line of `runc`: global flags, one command, an exit status.

`main(argv)` is the interface of the program, whether it was exec'd or forked from a process that called
`slipway.runc.preload.preload()`:

- `argv` is what follows the program's name: `["--root", "/run/x", "create", "--bundle", "/b", "id"]`.
- It takes nothing else from its caller but the environment, descriptors 0, 1 and 2 (and those of --preserve-fds), the
  working directory and the files that argv names; the caller closes all other descriptors first.
- It returns the exit status, having reported an error to --log and standard error. A forked caller must hand it to
  `os._exit` at once: the process has changed its working directory, umask and dumpable flag.
- In the container's init it never returns: that process execs or exits.
"""

import os

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument
from slipway.linux.user_namespace import is_initial_user_namespace
from slipway.runc import commands
from slipway.runc.commands.context import Context, write_output
from slipway.runc.options.globals import DEFAULT_ROOT, Invocation
from slipway.runc.options.parse import UsageError, parse_options
from slipway.runc.report import Log, words_of, write_quietly
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.runc.process.stage import Stage

# These make processes that a container can reach: they must not run from a file that can be written.
_JOINING_VERBS = ("create", "exec", "run")


def main(argv: list[str], stage: "Stage | None" = None) -> int:
    """Run one command; return 0, or 1 (255 for `exec`, 3 for no such command) after reporting the error.

    `stage` is for slipway.runc.rehearsal.
    """
    try:
        invocation = Invocation(argv, _environment_root())
        log = Log(invocation.log, invocation.log_json, invocation.debug)
    except UsageError as error:
        return _explain(error, "", Log.standard_error())
    except (EngineError, OSError) as error:
        Log.standard_error().error(words_of(error))
        return 1
    try:
        return _dispatch(invocation, log, stage)
    except UsageError as error:
        return _explain(error, invocation.verb, log)
    except (EngineError, OSError) as error:
        log.error(words_of(error))
        for note in _notes(error):
            log.warning(note)
    except Exception as error:
        if invocation.debug:
            raise
        log.error(f"internal error: {words_of(error)} (--debug shows where)")
    return 255 if invocation.verb == "exec" else 1


def _notes(error: "BaseException | None") -> list[str]:
    """What could not be undone is noted on the first error, which others may have been raised from."""
    notes: list[str] = []
    while error is not None:
        notes += getattr(error, "__notes__", ())
        error = error.__cause__
    return notes


def _explain(error: UsageError, verb: str, log: Log) -> int:
    """A wrong command line: the help on standard output, the error where errors go."""
    from slipway.runc.commands import help as help_command  # nobody else needs its texts

    write_output(f"{error.title}\n\n{help_command.help_of(verb)}\n")
    log.error(words_of(error))
    return 1


def _dispatch(invocation: Invocation, log: Log, stage: "Stage | None") -> int:
    if invocation.version:
        from slipway.runc.commands import help as help_command

        write_output(help_command.version_text())
        return 0
    verb, words = invocation.verb, invocation.words
    if invocation.help or verb in ("", "help", "h"):
        return _help(words[0] if words and not invocation.help else "", log)
    if verb not in commands.VERBS:
        return _help(verb, log)
    root = os.path.abspath(invocation.root or ".")
    if root == "/":
        raise InvalidArgument("Option --root argument should not be set to /")
    if invocation.criu:
        write_quietly(2, "WARNING: --criu ignored (criu binary from $PATH is used); do not use\n")
    given = _given_descriptors() if any("preserve-fds" in word for word in words) else frozenset()
    command = commands.load(verb)
    options = parse_options(command.FLAGS, words, interleaved=command.INTERLEAVED)
    if options.help:
        return _help(verb, log)
    if verb in _JOINING_VERBS:
        _check_interpreter()
    sticky = not invocation.is_root_given and root != DEFAULT_ROOT
    context = Context(StateStore(root, sticky=sticky), log, invocation.systemd_cgroup)
    context.rootless = invocation.rootless
    context.given = given
    context.stage = stage
    if log.tells_all:
        log.debug(f"runc {verb} {' '.join(words)} (states in {root}, process {os.getpid()}, user {os.geteuid()})")
    status: int = command.run(context, options)
    if log.tells_all:
        log.debug(f"runc {verb} ends with status {status}")
    return status


def _help(topic: str, log: Log) -> int:
    """Of one command, or of the program. The original ends with 3 where there is no such command."""
    from slipway.runc.commands import help as help_command

    if topic and topic not in commands.VERBS:
        log.error(f"No help topic for '{topic}'")
        return 3
    write_output(help_command.help_of(topic))
    return 0


def _given_descriptors() -> frozenset[int]:
    """Those of our caller: they came through exec(2), which closes ours."""
    return frozenset(number for number in map(int, os.listdir("/proc/self/fd")) if _is_inheritable(number))


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False  # the one that the list was read from


def _check_interpreter() -> None:
    from slipway.linux.executable import is_unwritable  # only these verbs need ctypes

    if not is_unwritable():
        raise FailedPrecondition(
            "refusing to enter a container from an interpreter whose file can be written",
            "start it by execute_readonly or execute_sealed of slipway.linux.executable",
        )


def _environment_root() -> str:
    """Where the original keeps states without --root: $XDG_RUNTIME_DIR is only for users other than the host's root."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return f"{runtime}/runc" if runtime and _is_user() else DEFAULT_ROOT


def _is_user() -> bool:
    if os.geteuid() != 0:
        return True
    return not is_initial_user_namespace() and os.environ.get("USER") != "root"

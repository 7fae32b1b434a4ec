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
from slipway.runc import commands
from slipway.runc.commands.context import Context, write_output
from slipway.runc.options.globals import DEFAULT_ROOT, Invocation
from slipway.runc.options.parse import parse_options
from slipway.runc.report import Log, words_of
from slipway.runc.state.store import StateStore

VERSION = "1.3.4"

# These make processes that a container can reach: they must not run from a file that can be written.
_JOINING_VERBS = ("create", "exec", "run")

_USAGE = f"""NAME:
   runc - Open Container Initiative runtime

USAGE:
   runc [global options] command [command options] [arguments...]

COMMANDS:
   {"  ".join(commands.VERBS)}

GLOBAL OPTIONS:
   --debug             enable debug logging
   --log value         set the log file to write runc logs to (default is '/dev/stderr')
   --log-format value  set the log format ('text' (default), or 'json')
   --root value        root directory for storage of container state
   --systemd-cgroup    enable systemd cgroup support
   --rootless value    ignore cgroup permission errors ('true', 'false', or 'auto')
   --help, -h          show help
   --version, -v       print the version
"""


def main(argv: list[str]) -> int:
    """Run one command; return 0, or 1 (255 for `exec`) after reporting the error."""
    try:
        invocation = Invocation(argv, _environment_root())
    except InvalidArgument as error:
        Log("", json=False, debug=False).error(words_of(error))
        return 1
    log = Log(invocation.log, invocation.log_json, invocation.debug)
    try:
        return _dispatch(invocation, log)
    except (EngineError, OSError) as error:
        log.error(words_of(error))
        for note in getattr(error, "__notes__", ()):
            log.warning(note)
    return 255 if invocation.verb == "exec" else 1


def _dispatch(invocation: Invocation, log: Log) -> int:
    if invocation.version:
        write_output(f"runc version {VERSION}\nspec: 1.2.1\n")
        return 0
    if invocation.help or not invocation.verb or invocation.verb == "help":
        write_output(_USAGE)
        return 0
    if invocation.verb not in commands.VERBS:
        raise InvalidArgument(f"No help topic for '{invocation.verb}'")
    root = os.path.abspath(invocation.root or ".")
    if root == "/":
        raise InvalidArgument("Option --root argument should not be set to /")
    if invocation.verb in _JOINING_VERBS:
        _check_interpreter()
    command = commands.load(invocation.verb)
    options = parse_options(command.FLAGS, invocation.words, interleaved=command.INTERLEAVED)
    status: int = command.run(Context(StateStore(root), log, invocation.systemd_cgroup), options)
    return status


def _check_interpreter() -> None:
    from slipway.linux.executable import is_readonly  # only these verbs need ctypes

    if not is_readonly():
        raise FailedPrecondition(
            "refusing to enter a container from an interpreter whose file can be written",
            "start it by slipway.linux.executable.execute_readonly",
        )


def _environment_root() -> str:
    """Where the original keeps states without --root: $XDG_RUNTIME_DIR is only for users other than root."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return f"{runtime}/runc" if runtime and os.geteuid() != 0 else DEFAULT_ROOT

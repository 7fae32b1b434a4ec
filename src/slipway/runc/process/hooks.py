"""Programs that the specification asks to run at points of a container's life; the state arrives on their stdin."""

import _signal  # type: ignore[import-not-found]
import errno
import os
import time

from slipway.base import json_text
from slipway.base.errors import InternalError
from slipway.contracts.oci.runtime import Hook
from slipway.contracts.oci.runtime_fields import Fields
from slipway.contracts.oci.runtime_version import VERSION
from slipway.linux import signals
from slipway.linux.readiness import is_readable
from slipway.runc.report import write_quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from slipway.base.json_text import Json

_LONGEST_OUTPUT = 1024  # bytes of each stream that are told
# As Go says them.
_SIGNALS = {1: "hangup", 2: "interrupt", 3: "quit", 6: "aborted", 9: "killed", 11: "segmentation fault"}
_SIGNALS |= {13: "broken pipe", 14: "alarm clock", 15: "terminated"}


def state_document(
    container: str, status: str, pid: int, bundle: str, annotations: dict[str, str]
) -> "dict[str, Json]":
    """The state document of the runtime specification (runtime.md, State)."""
    return {
        "ociVersion": VERSION,
        "id": container,
        "status": status,
        "pid": pid,
        "bundle": bundle,
        "annotations": {**annotations},
    }


def oci_state(container: str, status: str, pid: int, bundle: str, annotations: dict[str, str]) -> bytes:
    """The state document as a hook reads it."""
    return json_text.dumps(state_document(container, status, pid, bundle, annotations)).encode()


def hooks_from_json(value: "Json") -> list[Hook]:
    """Hooks as a container's state keeps them."""
    return Fields({"hooks": value}, "").objects("hooks", Hook)


def run_hooks(name: str, hooks: list[Hook], state: bytes, environment: "dict[str, str] | None" = None) -> None:
    """One after the other. `environment` is for hooks without their own; None means ours.

    Raises InternalError, with what the hook wrote, if one fails or passes its time.
    """
    for index, hook in enumerate(hooks):
        failure = _run(hook, state, os.environ if environment is None else environment)
        if failure:
            raise InternalError(f"error running {name} hook #{index}: {failure}")


def run_all_hooks(name: str, hooks: list[Hook], state: bytes, warn: "Callable[[str], None]") -> None:
    """One after the other, each whatever became of those before: a failure is only a warning."""
    for index, hook in enumerate(hooks):
        failure = _run(hook, state, os.environ)
        if failure:
            warn(f"error running {name} hook #{index}: {failure}")


def _run(hook: Hook, state: bytes, inherited: "os._Environ[str] | dict[str, str]") -> str:
    environment = dict(variable.partition("=")[::2] for variable in hook.env) if hook.env else dict(inherited)
    stdin = _file("state", state)
    output, errors = _file("output", b""), _file("errors", b"")
    try:
        try:
            pid = _spawn(hook, environment, (stdin, output, errors))
        except OSError as error:
            reason = error.strerror or ""
            return f"fork/exec {hook.path}: {reason[:1].lower()}{reason[1:]}"
        status = _wait(pid, hook.timeout)
        if status == 0:
            return ""
        if status is None:
            return f"hook ran past specified timeout of {hook.timeout}.0s"
        return f"{_describe(status)}, stdout: {_words(output)}, stderr: {_words(errors)}"
    finally:
        os.close(stdin)
        os.close(output)
        os.close(errors)


def _spawn(hook: Hook, environment: dict[str, str], stdio: tuple[int, int, int]) -> int:
    """Its pid. Raises OSError if it cannot be executed."""
    actions = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(stdio)]
    arguments = hook.args or [hook.path]
    group: dict[str, Any] = {} if hook.timeout is None else {"setpgroup": 0}  # to be killed with all it has started
    try:
        return os.posix_spawn(
            hook.path,
            arguments,
            environment,
            file_actions=actions,
            setsigdef=signals.IGNORED_BY_PYTHON,
            setsigmask=(),
            **group,
        )
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            raise
    # The C library spawns by clone3(2), which the container's filter may refuse to a startContainer hook. It forks by
    # clone(2).
    pid = os.fork()
    if pid:
        return pid
    try:
        for number, descriptor in enumerate(stdio):
            os.dup2(descriptor, number)
        signals.reset_for_exec()
        if group:
            _lead_group()
        os.execve(hook.path, arguments, environment)
    except OSError as error:
        write_quietly(2, f"exec {hook.path}: {error.strerror}")
    finally:
        os._exit(127)


def _words(output: int) -> str:
    """The end of what a hook wrote, where it says why it failed."""
    start = max(0, os.fstat(output).st_size - _LONGEST_OUTPUT)
    return os.pread(output, _LONGEST_OUTPUT, start).decode("utf-8", "replace")


def _file(name: str, content: bytes) -> int:
    """A memory file is a pipe that neither side can block on."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    os.pwrite(descriptor, content, 0)
    return descriptor


def _wait(pid: int, timeout: "int | None") -> "int | None":
    """The wait status; None if the hook was killed for passing its time (seconds)."""
    if timeout is None:
        return os.waitpid(pid, 0)[1]
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:  # a startContainer hook runs under the container's filter, which may be older
        return _wait_by_signal(pid, timeout)
    try:
        if not is_readable(pidfd, timeout):
            _kill_family(pid)
            return None
    except BaseException:  # an interrupt, which has not reached a group of its own
        _kill_family(pid)
        raise
    finally:
        os.close(pidfd)
    return os.waitpid(pid, 0)[1]


def _wait_by_signal(pid: int, timeout: int) -> "int | None":
    """The same without a pidfd. A SIGCHLD from before it is blocked is not needed: waitpid(2) looks afterwards."""
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, [_signal.SIGCHLD])
    deadline = time.monotonic() + timeout
    try:
        while True:
            left = max(deadline - time.monotonic(), 0)
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return status
            if not left:
                _kill_family(pid)
                return None
            _signal.sigtimedwait([_signal.SIGCHLD], left)
    except BaseException:
        _kill_family(pid)
        raise
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def _lead_group() -> None:
    try:
        os.setpgid(0, 0)
    except OSError:  # the filter's
        return


def _kill_family(pid: int) -> None:
    """A hook that has passed its time, and what it has started: they are a process group, if it has not left that."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signals.NUMBERS["KILL"])
        except ProcessLookupError:
            continue
    os.waitpid(pid, 0)


def _describe(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit status {code}" if code >= 0 else f"signal: {_SIGNALS.get(-code, -code)}"

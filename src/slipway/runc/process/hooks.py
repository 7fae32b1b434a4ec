"""Programs that the specification asks to run at points of a container's life; the state arrives on their stdin."""

import os
import select

from slipway.base import json_text
from slipway.base.errors import InternalError
from slipway.contracts.oci.runtime import Hook
from slipway.contracts.oci.runtime_fields import Fields
from slipway.contracts.oci.runtime_version import VERSION
from slipway.linux import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_LONGEST_OUTPUT = 4096


def oci_state(container: str, status: str, pid: int, bundle: str, annotations: dict[str, str]) -> bytes:
    """The state document of the runtime specification (runtime.md, State)."""
    return json_text.dumps(
        {
            "ociVersion": VERSION,
            "id": container,
            "status": status,
            "pid": pid,
            "bundle": bundle,
            "annotations": {**annotations},
        }
    ).encode()


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


def _run(hook: Hook, state: bytes, inherited: "os._Environ[str] | dict[str, str]") -> str:
    environment = dict(variable.partition("=")[::2] for variable in hook.env) if hook.env else dict(inherited)
    stdin = _file("state", state)
    output = _file("output", b"")
    try:
        actions = [
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ]
        try:
            pid = os.posix_spawn(
                hook.path,
                hook.args or [hook.path],
                environment,
                file_actions=actions,
                setsigdef=signals.IGNORED_BY_PYTHON,
                setsigmask=(),
            )
        except OSError as error:
            reason = error.strerror or ""
            return f"fork/exec {hook.path}: {reason[:1].lower()}{reason[1:]}"
        status = _wait(pid, hook.timeout)
        if status == 0:
            return ""
        words = os.pread(output, _LONGEST_OUTPUT, 0).decode("utf-8", "replace")
        return f"{_describe(status)}, output: {words}"
    finally:
        os.close(stdin)
        os.close(output)


def _file(name: str, content: bytes) -> int:
    """A memory file is a pipe that neither side can block on."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    os.pwrite(descriptor, content, 0)
    return descriptor


def _wait(pid: int, timeout: "int | None") -> "int | None":
    """The wait status; None if the hook was killed for passing its time (seconds)."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            os.kill(pid, signals.NUMBERS["KILL"])
            os.waitpid(pid, 0)
            return None
    finally:
        os.close(pidfd)
    return os.waitpid(pid, 0)[1]


def _describe(status: "int | None") -> str:
    if status is None:
        return "context deadline exceeded"
    code = os.waitstatus_to_exitcode(status)
    return f"exit status {code}" if code >= 0 else f"signal {-code}"

"""The program to run: found as Go's exec.LookPath does, as callers of the original read its errors; its environment."""

import errno
import os
import stat

from slipway.base.errors import FailedPrecondition, NotFound
from slipway.linux import resolve

_PASSWD_LIMIT = 1 << 20


def find_program(name: str, search: str) -> str:
    """The path to execute. `search` is the container's $PATH.

    Raises NotFound or FailedPrecondition in the words from which Docker makes exit status 127 and 126.
    """
    if "/" in name:
        try:
            _check_executable(name)
        except OSError as error:
            raise FailedPrecondition(f"exec: {_quoted(name)}: {_words(error, name)}") from None
        return name
    for directory in search.split(":") if search else ():
        path = f"{directory or '.'}/{name}"
        try:
            _check_executable(path)
        except OSError:
            continue
        if not path.startswith("/"):
            raise FailedPrecondition(
                f"exec: {_quoted(name)}: cannot run executable found relative to current directory"
            )
        return path
    raise NotFound(f"exec: {_quoted(name)}: executable file not found in $PATH")


def _check_executable(path: str) -> None:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if os.access(path, os.X_OK, effective_ids=True):
        return
    # The filter is loaded by now, and a profile older than faccessat2(2) refuses the question itself, even for a file
    # that stat(2) has just shown. Then the permission bits decide, as with the original, and execve(2) after them.
    is_refused = not os.access(path, os.F_OK, effective_ids=True)
    if not (is_refused and status.st_mode & 0o111):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _words(error: OSError, name: str) -> str:
    reason = os.strerror(error.errno or 0)
    reason = reason[:1].lower() + reason[1:]
    return reason if error.filename is None else f"stat {name}: {reason}"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def environment_from_list(variables: list[str]) -> dict[str, str]:
    """The last of equal names wins; an empty HOME counts as unset."""
    environment = dict(variable.partition("=")[::2] for variable in variables)
    if not environment.get("HOME"):
        environment.pop("HOME", None)
    return environment


def home_of(root: int, uid: int) -> str:
    """The home directory that the container's /etc/passwd gives a user id; `/` if it says nothing.

    The file is the container's: it may be a FIFO, a device, huge, or a link, and must neither hold us nor fill us.
    """
    try:
        text = _read_regular(root, "/etc/passwd")
    except OSError:
        return "/"
    wanted = str(uid).encode()
    for line in text.split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 6 and fields[2] == wanted:
            return fields[5].decode("utf-8", "surrogateescape") or "/"
    return "/"


def _read_regular(root: int, path: str) -> bytes:
    """The beginning of a file; nothing of what is no regular file. Raises OSError.

    Looked at before it is opened: opening a device can do things. And after: it may be another by then.
    """
    for flags in (os.O_PATH, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY):
        descriptor = resolve.open_in_root(root, path, flags)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return b""
            if flags != os.O_PATH:
                return os.read(descriptor, _PASSWD_LIMIT)
        finally:
            os.close(descriptor)
    return b""

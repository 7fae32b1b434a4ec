"""Logging programs: `binary:///path?key=value` runs one that reads a container's output.

Source: containerd core/runtime/v2/README.md, "Logging".
"""

from __future__ import annotations

import os

from slipway.base.errors import EngineError, InvalidArgument
from slipway.transport.plain.children import Children


def open_logger(children: Children, uri: str, id: str, namespace: str) -> tuple[int, int]:
    """Start the program of `uri`; the descriptors that the container's stdout and stderr become.

    The program has stdout, stderr and a pipe to close when it is ready as descriptors 3, 4 and 5, and the container's
    id and namespace in its environment. It ends when both streams do, or with the shim.
    """
    path, arguments = parse_binary_uri(uri)
    stdout, stdout_end = os.pipe2(os.O_CLOEXEC)
    stderr, stderr_end = os.pipe2(os.O_CLOEXEC)
    ready, ready_end = os.pipe2(os.O_CLOEXEC)
    environment = {**os.environ, "CONTAINER_ID": id, "CONTAINER_NAMESPACE": namespace}

    def run() -> int:
        os.execve(path, [path, *arguments], environment)

    try:
        children.fork(run, (-1, -1, -1), keep=(stdout, stderr, ready_end))
    finally:
        for descriptor in (stdout, stderr, ready_end):
            os.close(descriptor)
    try:
        os.read(ready, 1)
    except OSError as error:
        raise EngineError(f"start logging program {path}: {error.strerror}") from error
    finally:
        os.close(ready)
    return stdout_end, stderr_end


def parse_binary_uri(uri: str) -> tuple[str, list[str]]:
    """(path, arguments): every key of the query, and its value where it has one. Raises InvalidArgument."""
    address, _, query = uri.partition("?")
    path = address.removeprefix("binary://")
    if not path.startswith("/"):
        raise InvalidArgument(f"logging program {uri!r} has no absolute path")
    arguments = []
    for pair in query.split("&"):
        arguments += [_unquoted(part) for part in pair.split("=", 1) if part]
    return path, arguments


def _unquoted(text: str) -> str:
    head, *rest = text.replace("+", " ").split("%")
    parts = [os.fsencode(head)]
    for part in rest:
        try:
            parts.append(bytes.fromhex(part[:2]) + os.fsencode(part[2:]))
        except ValueError:
            raise InvalidArgument(f"logging program's argument {text!r} is not URL encoded") from None
    return os.fsdecode(b"".join(parts))

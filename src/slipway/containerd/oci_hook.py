"""`containerd oci-hook PROGRAM ARGUMENT ...`: a hook's command line, with what the runtime says filled in.

Arguments and environment may have {{id}}, {{bundle}}, {{rootfs}}, {{pid}}, {{status}} and {{annotation "KEY"}} in them:
of Go's templates, in which the original reads them, these and nothing else.
"""

import json
import os
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from slipway.base.errors import InvalidArgument, NotFound

_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_ANNOTATION: Final = re.compile(r"annotation\s+(\"(?:[^\"\\]|\\.)*\"|`[^`]*`)")


def become_hook(arguments: tuple[str, ...], state: bytes) -> NoReturn:
    """Become the program of `arguments`; `state` is the container's, as runtimes give it to hooks. Raises
    InvalidArgument, NotFound."""
    if not arguments:
        raise InvalidArgument("oci-hook: name the program that it is to become")
    values = _values(state)
    filled = [filled_in(argument, values) for argument in arguments]
    environment = {name: filled_in(value, values) for name, value in os.environ.items()}
    try:
        os.execve(filled[0], filled, environment)
    except OSError as error:
        raise NotFound(f"oci-hook: execute {filled[0]}: {error.strerror}") from error


def filled_in(text: str, values: Mapping[str, Any]) -> str:
    """`text` with its actions replaced. Pure. Raises InvalidArgument for one that is not known here."""

    def value_of(action: re.Match[str]) -> str:
        if annotation := _ANNOTATION.fullmatch(action[1]):
            quoted = annotation[1]
            key = quoted[1:-1] if quoted.startswith("`") else json.loads(quoted)
            return str(values["annotations"].get(key, ""))
        if action[1] not in values or action[1] == "annotations":
            raise InvalidArgument(f"oci-hook: unknown action {action[0]!r}")
        return str(values[action[1]])

    return _ACTION.sub(value_of, text)


def _values(state: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(state)
        bundle = str(told["bundle"])
        with open(f"{bundle}/config.json", "rb") as file:
            root = str(json.load(file)["root"]["path"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(f"oci-hook: read the container's state and its config.json: {error!r}") from error
    return {
        "id": told.get("id", ""),
        "bundle": bundle,
        "rootfs": os.path.join(bundle, root),
        "pid": told.get("pid", 0),
        "status": told.get("status", ""),
        "annotations": told.get("annotations") or {},
    }

"""The files of a bundle that a shim reads and writes, by the original's names: either can clean up after the other.

options.json  the runtime options of Create          init.pid      the container's init, written by the runtime
runtime       their binary_name alone                exec-ID.pid   the same for an exec
address       the shim's socket, as a URI            log.json      the runtime's log
config.json   the OCI specification (containerd's)   rootfs/       where the root file system is mounted
"""

from __future__ import annotations

import os

from slipway.base import json_text
from slipway.base.errors import EngineError, InvalidArgument
from slipway.base.files import read_whole, write_atomically
from slipway.base.identifiers import check_identifier, integer_from_text
from slipway.contracts.shim_api.bootstrap import BootstrapParams
from slipway.contracts.shim_api.options import (
    CHECKPOINT_OPTIONS_TYPE,
    OPTIONS_TYPE,
    CheckpointOptions,
    Options,
)
from slipway.wire.protobuf import DecodeError, decode
from slipway.wire.protobuf_known import AnyMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from slipway.wire.protobuf import Message

    M = TypeVar("M", bound=Message)

DEFAULT_ROOT = "/run/containerd/runc"
"""Where runtimes keep their state unless Options.root says otherwise."""


def options_from_any(packed: AnyMessage | None) -> Options:
    """Raises InvalidArgument for options of another runtime."""
    return _unpacked(packed, Options, OPTIONS_TYPE, "runtime")


def options_from_start(data: bytes, id: str) -> Options:
    """The options in what containerd writes to `start` of the container `id`. Raises InvalidArgument."""
    try:
        packed = decode(AnyMessage, data)
        if packed.type_url == id:  # BootstrapParams, whose first field that is
            values = [extension.value for extension in decode(BootstrapParams, data).extensions]
            known = [value for value in values if value is not None and value.type_url.endswith(OPTIONS_TYPE)]
            return options_from_any(known[0] if known else None)
    except DecodeError as error:
        raise InvalidArgument(f"decode the options on standard input: {error}") from None
    return options_from_any(packed)


def checkpoint_options_from_any(packed: AnyMessage | None) -> CheckpointOptions:
    """Raises InvalidArgument for options of another kind."""
    return _unpacked(packed, CheckpointOptions, CHECKPOINT_OPTIONS_TYPE, "checkpoint")


def _unpacked(packed: AnyMessage | None, message: type[M], name: str, kind: str) -> M:
    if packed is None or not packed.value:
        return message()
    if packed.type_url.rpartition("/")[2] != name:
        raise InvalidArgument(f"{kind} options of type {packed.type_url!r}, expected {name}")
    try:
        return decode(message, packed.value)
    except DecodeError as error:
        raise InvalidArgument(f"decode {kind} options: {error}") from None


def write_options(bundle: str, options: Options) -> None:
    fields = {field.name: getattr(options, field.name) for field in options.FIELDS}
    text = json_text.dumps({name: value for name, value in fields.items() if value})
    write_atomically(f"{bundle}/options.json", text.encode(), durable=False)
    write_atomically(f"{bundle}/runtime", options.binary_name.encode(), durable=False)


def read_options(bundle: str) -> Options:
    """The options of Create; those of a bundle whose shim did not get that far are empty."""
    try:
        fields = json_text.loads(read_whole(f"{bundle}/options.json"), "options.json")
    except FileNotFoundError:
        return Options()
    options = Options()
    if isinstance(fields, dict):
        for field in options.FIELDS:
            value = fields.get(field.name)
            if type(value) is type(field.default):
                setattr(options, field.name, value)
    return options


def disk_folder(bundle: str) -> str:
    """The bundle is in memory (/run); its link `work`, which containerd makes, leads to a folder of its own on disk."""
    work = f"{bundle}/work"
    return work if os.path.isdir(work) else bundle


def runtime_root(options: Options, namespace: str) -> str:
    return f"{options.root or DEFAULT_ROOT}/{namespace}"


def read_pid(path: str) -> int:
    """The process id in a file; raises EngineError when there is none."""
    try:
        text = read_whole(path, limit=64).decode("ascii", "replace").strip()
        return integer_from_text(text, "process id", low=1)
    except OSError as error:
        raise EngineError(f"read process id from {path}: {error.strerror}") from error
    except EngineError as error:
        raise EngineError(f"read process id from {path}: {error}") from error


def shares_pid_namespace(bundle: str) -> bool:
    """Whether the container has no PID namespace of its own: the end of its init then ends no other process."""
    config = json_text.loads(read_whole(f"{bundle}/config.json"), "config.json")
    linux = config.get("linux") if isinstance(config, dict) else None
    namespaces = linux.get("namespaces") if isinstance(linux, dict) else None
    for namespace in namespaces if isinstance(namespaces, list) else []:
        if isinstance(namespace, dict) and namespace.get("type") == "pid":
            return bool(namespace.get("path"))
    return True


def write_process(bundle: str, exec_id: str, spec: bytes, *, terminal: bool) -> str:
    """Write the OCI process of an exec for the runtime; the file's path. Raises InvalidArgument for malformed JSON."""
    process = json_text.loads(spec, "exec process")
    if not isinstance(process, dict):
        raise InvalidArgument("decode exec process: it is no object")
    process["terminal"] = terminal
    path = f"{bundle}/exec-{check_identifier(exec_id, 'exec id')}.json"
    write_atomically(path, json_text.dumps(process).encode(), durable=False)
    return path


def exec_pid_file(bundle: str, exec_id: str) -> str:
    """Where the runtime writes the process id of an exec, whose name is its client's: `init` is one, too."""
    return f"{bundle}/exec-{exec_id}.pid"


def write_address(bundle: str, address: str) -> None:
    write_atomically(f"{bundle}/address", address.encode(), durable=False)


def read_socket_path(bundle: str) -> str:
    """The path of the socket that the bundle's `address` names; "" without one."""
    try:
        address = os.fsdecode(read_whole(f"{bundle}/address", limit=4096))
    except FileNotFoundError:
        return ""
    return address.removeprefix("unix://") if address.startswith("unix:///") else ""

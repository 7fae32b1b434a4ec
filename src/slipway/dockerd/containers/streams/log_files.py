"""A container's log as its HostConfig.LogConfig says. Parsing is pure; opening blocks on the disk."""

import re
from collections.abc import Collection, Mapping
from typing import Final

import orjson

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.base.identifiers import integer_from_text
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import LogConfig
from slipway.dockerd.logs.interface import Logs, LogWriter
from slipway.dockerd.logs.model import Rotation

_SIZE: Final = re.compile(r"([0-9]+)([kmg]?)b?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
EFFECTIVE_OPTIONS: Final = frozenset(("max-size", "max-file", "labels", "env"))
# Of the original's, that have no effect here: the values that ask for nothing that is not done anyway.
HARMLESS_VALUES: Final[Mapping[str, Collection[str]]] = {
    "mode": ("", "blocking"),
    "compress": ("0", "f", "F", "false", "FALSE", "False"),
    **dict.fromkeys(("labels-regex", "env-regex", "tag", "max-buffer-size"), ("",)),
}
LOG_DRIVERS: Final = ("json-file", "local", "none")


def check_log_options(log_config: LogConfig) -> None:
    """Raises InvalidArgument for options that the driver does not have, NotImplementedByEngine for what would have no
    effect. The values of the others count at the start.
    """
    for name, value in (log_config.config or {}).items():
        if name not in EFFECTIVE_OPTIONS and name not in HARMLESS_VALUES:
            raise InvalidArgument(f"unknown log opt '{name}' for {log_config.type} log driver")
        if value not in HARMLESS_VALUES.get(name, (value,)):
            raise NotImplementedByEngine(f"log opt '{name}={value}' is not supported by this engine yet")


def check_default_log(log_config: LogConfig) -> None:
    """What the daemon gives to containers that say nothing. Raises InvalidArgument, NotImplementedByEngine."""
    if log_config.type not in LOG_DRIVERS:
        raise InvalidArgument(
            f"failed to set log opts: logger: no log driver named '{log_config.type}' is registered",
            hint=f"use {', '.join(LOG_DRIVERS[:-1])} or {LOG_DRIVERS[-1]}",
        )
    try:
        check_log_options(log_config)
        rotation_from_options(log_config)
    except (InvalidArgument, NotImplementedByEngine) as error:
        raise type(error)(f"failed to set log opts: {error.message}", hint=error.hint) from error


def rotation_from_options(log_config: LogConfig) -> Rotation:
    """max-size and max-file. Raises InvalidArgument."""
    options = log_config.config or {}
    local = log_config.type == "local"
    size = _size(options.get("max-size", "20m" if local else "-1"))
    files = integer_from_text(options.get("max-file", "5" if local else "1"), "max-file", high=1000)
    if files < 1:
        raise InvalidArgument("max-file cannot be less than 1")
    return Rotation(size=size, files=files)


def open_log(logs: Logs, path: str, log_config: LogConfig, config: ContainerConfig) -> LogWriter | None:
    """The writer for a start of the container; None for the driver `none`. Raises OSError."""
    if log_config.type == "none":
        return None
    return logs.writer(path, rotation_from_options(log_config), _attributes(log_config, config))


def _attributes(log_config: LogConfig, config: ContainerConfig) -> bytes:
    """The "attrs" of each line: the labels and variables that the options name."""
    options = log_config.config or {}
    labels = config.labels or {}
    variables = dict(variable.partition("=")[::2] for variable in config.env or ())
    found = {name: labels[name] for name in _names(options.get("labels", "")) if name in labels}
    found |= {name: variables[name] for name in _names(options.get("env", "")) if name in variables}
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS) if found else b""


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _size(text: str) -> int:
    if text == "-1":
        return -1
    match = _SIZE.fullmatch(text)
    if match is None or len(match.group(1)) > 12:
        raise InvalidArgument(f"invalid size: '{text}'")
    return int(match.group(1)) * _UNITS[match.group(2).lower()]

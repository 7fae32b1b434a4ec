"""HEALTHCHECK of a Dockerfile: `[--interval=5s ...] CMD command`, or `NONE`. Pure; refusals in the original's words."""

from typing import Any, Final

import orjson

from slipway.base.durations import duration_from_text
from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.container_config import HealthConfig

DURATIONS: Final = {
    "interval": "interval",
    "timeout": "timeout",
    "start-period": "start_period",
    "start-interval": "start_interval",
}
MILLISECOND: Final = 1_000_000


def health_check_from_text(text: str) -> HealthConfig:
    """What follows the word HEALTHCHECK. Raises InvalidArgument."""
    members: dict[str, Any] = {}
    while text.startswith("--"):
        flag, _, text = text.partition(" ")
        text = text.lstrip()
        members |= _member(flag)
    kind, _, command = text.partition(" ")
    kind, command = kind.upper(), command.strip()
    if kind == "NONE":
        if command:
            raise InvalidArgument("HEALTHCHECK NONE takes no arguments")
        return HealthConfig(test=("NONE",))
    if kind != "CMD":
        raise InvalidArgument(f'Unknown type "{kind}" in HEALTHCHECK (try CMD)')
    if not command:
        raise InvalidArgument("Missing command after HEALTHCHECK CMD")
    return HealthConfig(test=_test(command), **members)


def _member(flag: str) -> dict[str, int]:
    name, separator, value = flag.removeprefix("--").partition("=")
    if name not in (*DURATIONS, "retries"):
        raise InvalidArgument(f"unknown flag: --{name}")
    if not separator:
        raise InvalidArgument(f"missing a value on flag: --{name}")
    if name == "retries":
        return {"retries": _retries(value)}
    try:
        duration = duration_from_text(value)
    except ValueError as error:
        raise InvalidArgument(str(error)) from error
    if duration and duration < MILLISECOND:
        raise InvalidArgument(f'Interval "{name}" cannot be less than 1ms')
    return {DURATIONS[name]: duration}


def _retries(value: str) -> int:
    digits = value.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
        raise InvalidArgument(f'strconv.ParseInt: parsing "{value}": invalid syntax')
    if value.startswith("-"):
        raise InvalidArgument(f"--retries cannot be negative ({value})")
    return int(value)


def _test(command: str) -> tuple[str, ...]:
    """The JSON form is run as it is; anything else by the shell."""
    if command.startswith("["):
        try:
            words = orjson.loads(command)
        except orjson.JSONDecodeError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return ("CMD", *words)
    return ("CMD-SHELL", command)

"""`--change` of import: a few Dockerfile instructions applied to a configuration. Pure."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.schema import EmptyObject
from slipway.dockerd.images.health_check import health_check_from_text

WORDS: Final = frozenset(
    ("CMD", "ENTRYPOINT", "ENV", "LABEL", "EXPOSE", "VOLUME", "USER", "WORKDIR", "STOPSIGNAL", "ONBUILD", "HEALTHCHECK")
)


def config_from_changes(changes: Sequence[str]) -> ContainerConfig:
    """Raises InvalidArgument for an instruction that cannot be applied."""
    config = ContainerConfig()
    for change in changes:
        word, _, rest = change.strip().partition(" ")
        config = _apply(config, word.upper(), rest.strip())
    return config


def _apply(config: ContainerConfig, word: str, rest: str) -> ContainerConfig:
    if word not in WORDS:
        raise InvalidArgument(f"{word} is not a valid change command")
    if not rest:
        raise InvalidArgument(f"{word} requires at least one argument")
    match word:
        case "CMD":
            return replace(config, cmd=_command(rest))
        case "ENTRYPOINT":
            return replace(config, entrypoint=_command(rest))
        case "ENV":
            return replace(config, env=(*(config.env or ()), *_pairs(rest)))
        case "LABEL":
            labels = dict(pair.partition("=")[::2] for pair in _pairs(rest))
            return replace(config, labels={**(config.labels or {}), **labels})
        case "EXPOSE":
            ports: dict[str, EmptyObject] = {port if "/" in port else f"{port}/tcp": {} for port in rest.split()}
            return replace(config, exposed_ports={**(config.exposed_ports or {}), **ports})
        case "VOLUME":
            paths = _command(rest) if rest.startswith("[") else tuple(rest.split())
            return replace(config, volumes={**(config.volumes or {}), **{path: {} for path in paths}})
        case "USER":
            return replace(config, user=rest)
        case "WORKDIR":
            return replace(config, working_dir=rest)
        case "STOPSIGNAL":
            return replace(config, stop_signal=rest)
        case "HEALTHCHECK":
            return replace(config, healthcheck=health_check_from_text(rest))
        case "ONBUILD":
            return replace(config, on_build=(*(config.on_build or ()), rest))
    raise AssertionError("every word of WORDS is applied")


def _command(text: str) -> tuple[str, ...]:
    """The JSON form, or a line for the shell."""
    if text.startswith("["):
        try:
            words = orjson.loads(text)
        except orjson.JSONDecodeError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return tuple(words)
    return "/bin/sh", "-c", text


def _pairs(text: str) -> list[str]:
    """`A=1 B="2 3"`, or the old `A 1 2`."""
    if not re.match(r"[^\s=]+=", text):
        name, _, value = text.partition(" ")
        return [f"{name}={value.strip()}"]
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidArgument(f"invalid change: {error}") from error
    if not all("=" in word for word in words):
        raise InvalidArgument(f"invalid change: {text!r} is not NAME=VALUE")
    return words

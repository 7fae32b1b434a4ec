"""Reads WWW-Authenticate (RFC 9110 section 11.6.1): `Bearer realm="...",service="...",scope="..."`. Pure."""

import re
from typing import Final

from slipway.clients.registry.model import Challenge

_SCHEME: Final = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9._~+-]*)(?:\s+|$)", re.ASCII)
_PARAMETER: Final = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.ASCII)
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_LINE_LIMIT: Final = 8192


def challenges_from_header(line: str) -> list[Challenge]:
    """The challenges of one header line, in order; what cannot be read ends the list."""
    challenges: list[Challenge] = []
    line, position = line[:_LINE_LIMIT], 0
    while (scheme := _SCHEME.match(line, position)) is not None:
        position, parameters = scheme.end(), {}
        while (parameter := _PARAMETER.match(line, position)) is not None:
            name, quoted, plain = parameter.groups()
            parameters[name.lower()] = _QUOTED_PAIR.sub(r"\1", quoted) if quoted is not None else plain
            position = parameter.end()
        challenges.append(Challenge(scheme=scheme[1].lower(), parameters=parameters))
    return challenges


def choose_challenge(lines: tuple[str, ...]) -> Challenge | None:
    """Bearer before Basic, as every registry that offers both intends; None when we know neither."""
    offered = [challenge for line in lines for challenge in challenges_from_header(line)]
    for scheme in ("bearer", "basic"):
        for challenge in offered:
            if challenge.scheme == scheme and (scheme == "basic" or challenge.parameters.get("realm")):
                return challenge
    return None


def merged_scopes(*texts: str) -> list[str]:
    """The scopes of several lists (`repository:a:pull repository:b:pull,push`), each thing once with all its actions.

    Source: distribution specification, "Docker Registry v2 authentication: Token Scope".
    """
    actions: dict[str, dict[str, None]] = {}
    for scope in " ".join(texts).split():
        thing, _, wanted = scope.rpartition(":")
        actions.setdefault(thing, {}).update(dict.fromkeys(wanted.split(",")))
    return [f"{thing}:{','.join(wanted)}" if thing else ",".join(wanted) for thing, wanted in actions.items()]

"""How a step's standard output is shown before it is compared: only what two engines must agree on."""

import json
import re
from collections.abc import Iterator

# Keys of `docker inspect` whose values are this run's or this machine's own.
VOLATILE = frozenset(
    {
        *(
            "Id",
            "ID",
            "Created",
            "StartedAt",
            "FinishedAt",
            "Pid",
            "LogPath",
            "ResolvConfPath",
            "HostnamePath",
            "HostsPath",
        ),
        *(
            "SandboxID",
            "SandboxKey",
            "EndpointID",
            "NetworkID",
            "Data",
            "MacAddress",
            "IPAddress",
            "Gateway",
            "IPPrefixLen",
        ),
        *("Hostname", "Name", "Digest", "RepoDigests", "Size", "VirtualSize", "LastTagTime", "GraphDriver", "Storage"),
        *("Image", "ImageManifestDescriptor", "Descriptor", "HostPort", "DNSNames", "AppArmorProfile"),
    }
)


def as_it_is(text: str) -> str:
    return text


def sorted_lines(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))


def without_numbers(text: str) -> str:
    return re.sub(r"\d+(?:\.\d+)?", "N", re.sub(r"\b[0-9a-f]{64}\b", "<id>", text))


def without_sizes(text: str) -> str:
    """`docker images`: the two stores count the size of an image differently."""
    return re.sub(r"\b\d+(?:\.\d+)?[kMG]?B\b", "<size>", text)


def pushed(text: str) -> str:
    """A push without what was still to come: whether it is seen is a matter of milliseconds."""
    return "\n".join(line for line in text.splitlines() if not line.endswith((": Waiting", ": Preparing")))


def first_line(text: str) -> str:
    """What follows depends on how far it came."""
    return "\n".join(text.splitlines()[:1])


def last_line(text: str) -> str:
    """`docker pull`: what is shown while it runs depends on the network's pace."""
    return "\n".join(text.splitlines()[-1:])


def inspect(text: str) -> str:
    """One line per value of the JSON, sorted; values that are this run's own show only that they are there."""
    return "\n".join(sorted(_lines(json.loads(text), "")))


def _lines(value: object, path: str) -> Iterator[str]:
    key = path.rpartition(".")[2]
    if key in VOLATILE:
        yield f"{path} = <{'set' if value else 'empty'}>"
    elif isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _lines(inner, f"{path}.{name}")
    elif isinstance(value, list) and value and key not in ("Env", "Cmd"):
        for place, inner in enumerate(value):
            yield from _lines(inner, f"{path}[{place}]")
    else:
        yield f"{path} = {json.dumps(value)}"


def json_keys(text: str) -> str:
    """`docker info --format json`, `version`: the shape, not the values. One line per key."""
    return "\n".join(sorted(json.loads(text)))

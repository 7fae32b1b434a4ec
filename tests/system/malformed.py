"""A seeded corpus of malformed requests: cut and swapped JSON, noise, broken archives. The same 1,000 in every run."""

import copy
import io
import json
import random
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SEED = 28
JSON = "application/json"
TAR = "application/x-tar"
CREATE = "/v1.51/containers/create"
LOAD = "/v1.51/images/load"
IMPORT = "/v1.51/images/create?fromSrc=-&repo=made"
BODY: dict[str, Any] = {
    "Image": "busybox",
    "Cmd": ["true"],
    "Env": ["A=b"],
    "Labels": {"a": "b"},
    "Tty": False,
    "ExposedPorts": {"80/tcp": {}},
    "StopTimeout": 3,
    "HostConfig": {
        "Memory": 67108864,
        "NanoCpus": 500000000,
        "Binds": ["/etc:/x:ro"],
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "18080"}]},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "CapAdd": ["NET_ADMIN"],
        "Privileged": False,
        "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}],
        "LogConfig": {"Type": "json-file", "Config": {}},
        "Mounts": [{"Type": "tmpfs", "Target": "/t"}],
    },
    "NetworkingConfig": {"EndpointsConfig": {}},
}


@dataclass(frozen=True)
class Request:
    """One malformed request; `note` says how it came to be."""

    target: str
    kind: str
    body: bytes
    note: str


def corpus() -> list[Request]:
    """One thousand requests that no engine may accept."""
    chance = random.Random(SEED)
    makers = (_cut(chance), _swapped(chance), _noise(chance), _followed(chance), _archives(chance))
    shares = (350, 250, 100, 50, 250)
    return [next(maker) for maker, share in zip(makers, shares, strict=True) for _ in range(share)]


def _cut(chance: random.Random) -> Iterator[Request]:
    whole = json.dumps(BODY).encode()
    while True:
        place = chance.randrange(1, len(whole))
        yield Request(CREATE, JSON, whole[:place], f"JSON cut at {place}")


def _swapped(chance: random.Random) -> Iterator[Request]:
    """A value of another type than the API's; never null, which stands for absent."""
    places = list(_places(BODY, ()))
    while True:
        body = copy.deepcopy(BODY)
        place = chance.choice(places)
        *above, last = place
        holder: Any = body
        for key in above:
            holder = holder[key]
        holder[last] = _of_another_type(holder[last], chance)
        if place == ("Cmd",) and isinstance(body["Cmd"], str):
            continue  # the API takes a command as one string, too (moby's strslice)
        yield Request(CREATE, JSON, json.dumps(body).encode(), f"another type at {place}")


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*path, key)
        yield from _places(below, (*path, key))


def _of_another_type(value: Any, chance: random.Random) -> Any:
    others: list[Any] = [wrong for wrong in ({"x": 1}, [[7]], "text", 1.5, True) if type(wrong) is not type(value)]
    if value == BODY["Cmd"]:
        others.remove("text")  # a command may be one word
    return chance.choice(others)


def _noise(chance: random.Random) -> Iterator[Request]:
    while True:
        yield Request(CREATE, JSON, b"{" + chance.randbytes(chance.randrange(1, 300)), "noise")


def _followed(chance: random.Random) -> Iterator[Request]:
    whole = json.dumps(BODY).encode()
    while True:
        deep = b"[" * chance.randrange(1000, 100_000)
        yield Request(
            CREATE, JSON, chance.choice([b'{"Cmd":' + deep, whole + b"}", whole + b"{}{", deep]), "deep or long"
        )


def _archives(chance: random.Random) -> Iterator[Request]:
    """Archives with broken headers, without what an image needs, with manifests that lie, and names that climb out."""
    while True:
        target = chance.choice([LOAD, LOAD, IMPORT])
        body = chance.choice([_broken_header, _lying_manifest, _climbing_name])(chance)
        if target == IMPORT:  # any well-formed tar is a file system
            body = _broken_header(chance)
        yield Request(target, TAR, body, "archive")


def _broken_header(chance: random.Random) -> bytes:
    whole = bytearray(_tar({"manifest.json": b"[]", "x": chance.randbytes(700)}))
    for _ in range(20):
        whole[chance.randrange(0, 300)] = chance.randrange(1, 256)
    return bytes(whole)


def _lying_manifest(chance: random.Random) -> bytes:
    lies = [
        b"",
        b"[",
        b"{}",
        b"7",
        b'[{"Config":"x.json","Layers":["y"]}]',
        b'[{"Config":7,"Layers":{}}]',
        b'[{"Config":"../../etc/passwd"}]',
    ]
    return _tar({"manifest.json": chance.choice(lies), "noise": chance.randbytes(chance.randrange(50))})


def _climbing_name(chance: random.Random) -> bytes:
    climb = chance.choice(["../../etc/x", "/etc/x", "a/../../../x"])
    manifest = json.dumps([{"Config": climb, "RepoTags": ["made:1"], "Layers": [climb]}]).encode()
    return _tar({"manifest.json": manifest, climb: b"{}"})


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()

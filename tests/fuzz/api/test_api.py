"""Requests made at random from a fixed seed, to every endpoint: an answer that is no 500, without a traceback, at once.

Bodies are whole JSON documents of which one value is another; queries have hostile values; archives are damaged. Some
are valid after all: what matters is that the engine foresaw each.
"""

import copy
import http.client
import io
import json
import random
import socket
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support import docker
from tests.support.engine import OurEngine

SEED = 41
SECONDS = 20.0
BATCHES, BATCH = 10, 100
JSON, TAR = "application/json", "application/x-tar"
LONG = "9" * 5000
TEXTS = (
    "", " ", "\0", "a\0b", "-1", "0", "1_0", "١", "²", LONG, "1e400", "NaN", "\ud800", "\U0001f433",
    "../../etc/passwd", "/",
    "%s%n", "a" * 70_000, "\x1b[31m", "\r\nX: y", "none", "host", "container:", "container:nosuch", "true", "1h", "-1h",
    "9999999999999h", "0.0000000001ns", "sha256:" + "0" * 64, "busybox", "busybox:", ":latest", "busybox@sha256:zz",
    "box",
    "1.5", "2030-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-99-99T99:99:99Z", "1700000000.999999999999",
    "file:///etc/passwd", "http://", "http://[", "http://127.0.0.1:1/x", "http://a b/", "gopher://x",
    "http://127.0.0.1:99999/",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 31, -(1 << 63), (1 << 63) - 1, 1.5, [], {}, [None], [[]], [{}], {"": None},
    {"a": []},
    ["\0"], [""], ["x"] * 5000, {"x": {"y": {"z": []}}}, *TEXTS,
)  # fmt: skip
HEALTH = {"Test": ["CMD", "true"], "Interval": 10**9, "Timeout": 10**9, "Retries": 3, "StartPeriod": 0}
CREATE: dict[str, Any] = {
    "Image": "busybox", "Cmd": ["true"], "Env": ["A=b"], "Labels": {"a": "b"}, "User": "", "WorkingDir": "/",
    "Hostname": "h",
    "Domainname": "d", "Volumes": {"/v": {}}, "StopSignal": "TERM", "StopTimeout": 1, "Shell": ["sh"],
    "Healthcheck": HEALTH,
    "ExposedPorts": {"80/tcp": {}}, "MacAddress": "",
    "HostConfig": {
        "VolumesFrom": ["box:ro"], "Binds": ["/etc:/x:ro"], "Memory": 1 << 26, "NanoCpus": 10**9, "CpusetCpus": "0",
        "PidsLimit": 9,
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]}, "RestartPolicy": {"Name": "no",
        "MaximumRetryCount": 0},
        "NetworkMode": "bridge", "IpcMode": "private", "PidMode": "", "UTSMode": "", "CgroupnsMode": "",
        "CapAdd": ["ALL"],
        "Dns": ["1.1.1.1"], "ExtraHosts": ["a:1.1.1.1"], "Sysctls": {"net.ipv4.ip_forward": "1"},
        "Tmpfs": {"/t": "size=1m"},
        "Ulimits": [{"Name": "nofile", "Soft": 512, "Hard": 512}], "LogConfig": {"Type": "json-file",
        "Config": {"max-size": "1m"}},
        "Mounts": [{"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"SizeBytes": 1, "Mode": 1}}], "ShmSize": 1 << 20,
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/n", "CgroupPermissions": "r"}],
        "GroupAdd": ["1"],
        "SecurityOpt": ["no-new-privileges"], "DeviceCgroupRules": ["c 1:3 r"], "Runtime": "", "Isolation": "",
        "Links": [],
        "OomScoreAdj": 0, "MaskedPaths": ["/x"], "ReadonlyPaths": ["/y"], "Annotations": {"a": "b"},
        "ConsoleSize": [1, 1],
    },
    "NetworkingConfig": {"EndpointsConfig": {"bridge": {"IPAMConfig": {}, "Aliases": []}}},
}  # fmt: skip
EXEC: dict[str, Any] = {
    "Cmd": ["true"], "Env": ["A=b"], "User": "", "WorkingDir": "/", "DetachKeys": "ctrl-p", "Tty": False,
    "ConsoleSize": [10, 10], "Privileged": False, "AttachStdout": True,
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/containers/create": CREATE,
    "/containers/box/exec": EXEC,
    "/containers/box/update": {"Memory": 1 << 26, "CpuShares": 2, "RestartPolicy": {"Name": "no"}, "PidsLimit": 10},
    "/volumes/create": {"Name": "v", "Driver": "local", "DriverOpts": {"type": "tmpfs"}, "Labels": {"a": "b"}},
    "/exec/nosuch/start": {"Detach": True, "Tty": False, "ConsoleSize": [1, 1]},
    "/networks/create": {"Name": "n", "Driver": "bridge"},
    "/auth": {"username": "u", "password": "p", "serveraddress": "127.0.0.1:1"},
}
QUERIES = {
    "GET /events": ("since", "until", "filters"),
    "GET /containers/json": ("limit", "all", "size", "filters"),
    "GET /containers/box/logs": ("stdout", "tail", "since", "until", "timestamps"),
    "GET /containers/box/top": ("ps_args",),
    "GET /containers/box/changes": ("x",),
    "GET /containers/box/archive": ("path",),
    "PUT /containers/box/archive": ("path", "noOverwriteDirNonDir"),
    "POST /containers/box/resize": ("h", "w"),
    "POST /containers/victim/rename": ("name",),
    "POST /containers/victim/kill": ("signal",),
    "GET /images/json": ("filters", "all"),
    "GET /images/get": ("names",),
    "POST /images/busybox/tag": ("repo", "tag"),
    "POST /images/create": ("fromSrc", "repo", "tag", "changes", "message", "platform"),
    "POST /images/prune": ("filters",),
    "POST /volumes/prune": ("filters",),
    "GET /volumes": ("filters",),
    "GET /networks": ("filters",),
    "POST /networks/prune": ("filters",),
}
FILTERS = ("status", "health", "label", "id", "name", "until", "before", "since", "ancestor", "publish", "expose",
           "exited",
           "type", "event", "container", "image", "volume", "network", "dangling", "reference", "scope",
           "is-task", "label!", "all", "driver", "isolation")  # fmt: skip
CHANGES = ("CMD ", "ENV ", "EXPOSE ", "HEALTHCHECK --interval=", "HEALTHCHECK CMD ", "LABEL a=", "ONBUILD ",
           "STOPSIGNAL ",
           "USER ", "VOLUME ", "WORKDIR ", "ENTRYPOINT [", "SHELL ", "NOSUCH ")  # fmt: skip
BY_RUNTIME = ("failed to create task", "failed to start task")
Made = tuple[str, str, str, bytes]


@pytest.fixture(scope="module")
def engine(our_engine: OurEngine, busybox_archive: Path) -> Iterator[OurEngine]:
    client = docker.theirs(our_engine.host)
    client("load", "-i", str(busybox_archive))
    yield our_engine
    client.remove_all_containers()
    client.run("volume", "prune", "-af")
    client.run("image", "prune", "-f")


@pytest.mark.parametrize("batch", [*range(2), *(pytest.param(n, marks=pytest.mark.matrix) for n in range(2, BATCHES))])
def test_a_hundred_requests_at_random(engine: OurEngine, batch: int) -> None:
    """Ten batches are a thousand; two of them run everywhere."""
    client, chance = docker.theirs(engine.host), random.Random(SEED + batch)
    told, seen = Counter[str](), len(engine.log())
    client.remove_all_containers()
    for name in ("box", "victim"):
        client("run", "-d", "--name", name, "--network", "none", "busybox", "sleep", "600")
    status, said = ask(engine, "POST", "/containers/create", JSON, json.dumps(CREATE).encode())
    assert status == 201, said
    for _ in range(BATCH):
        method, target, kind, body = chance.choice((from_body, from_body, from_query, from_archive))(chance)
        if why := complaint(engine, method, target, kind, body):
            told[f"{method} {target[:300]} {body[:300]!r}: {why}"] += 1
    assert not told, "\n".join(f"{count} x {what}" for what, count in told.most_common(40))
    assert "Traceback" not in engine.log()[seen:]
    assert client("run", "--rm", "--network", "none", "busybox", "echo", "alive") == "alive"


def ask(engine: OurEngine, method: str, target: str, kind: str, body: bytes) -> tuple[int, bytes]:
    """Status and body; no body where all is well: it may be a stream without end."""
    connection = http.client.HTTPConnection("engine", timeout=SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(SECONDS)
    connection.sock.connect(engine.host.removeprefix("unix://"))
    try:
        connection.request(method, f"/v1.51{target}", body or None, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        is_start = answer.status == 201 and "/create" in target
        return answer.status, answer.read() if is_start or answer.status >= 400 else b""
    finally:
        connection.close()


def complaint(engine: OurEngine, method: str, target: str, kind: str, body: bytes) -> str:
    """Why this answer is no good, or empty. What could be created is started, too."""
    try:
        status, said = ask(engine, method, target, kind, body)
        if status == 201 and target == "/containers/create":
            target = f"/containers/{json.loads(said)['Id']}/start"
            status, said = ask(engine, "POST", target, "", b"")
        if status < 400:
            return ""
        words = json.loads(said)["message"]
    except TimeoutError:
        return "no answer"
    except (ValueError, KeyError, http.client.HTTPException, ConnectionError) as error:
        return f"{type(error).__name__}: {error}"
    # What only the runtime refuses is a 500, in its words.
    is_foreseen = status < 500 or status in (501, 503) or "OCI runtime" in words or words.startswith(BY_RUNTIME)
    is_sentence = words.strip() and not any(word in words for word in ("Traceback", "internal error", "Errno", "codec"))
    return "" if is_foreseen and is_sentence else f"{status} {words[:300]!r}"


def from_body(chance: random.Random) -> Made:
    target = chance.choice([*BODIES, "/containers/create", "/containers/box/exec"])
    body = copy.deepcopy(BODIES[target])
    holder, key = chance.choice(list(places(body)))
    if chance.random() < 0.3 and isinstance(holder, dict):
        holder[chance.choice(TEXTS)] = holder.pop(key)
    else:
        holder[key] = chance.choice(VALUES)
    return "POST", target, JSON, json.dumps(body).encode()


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield value, key
        yield from places(below)


def from_query(chance: random.Random) -> Made:
    line = chance.choice(list(QUERIES))
    method, _, path = line.partition(" ")
    pairs = {name: query_value(name, chance) for name in QUERIES[line] if chance.random() < 0.7}
    if path == "/images/create" and pairs.get("fromSrc") in ("", None):
        pairs["fromSrc"] = "-"
    query = "&".join(f"{name}={quote(value[:9000], errors='surrogatepass')}" for name, value in pairs.items())
    return method, f"{path}?{query}", "", b""


def query_value(name: str, chance: random.Random) -> str:
    if name == "filters":
        values = [chance.choice(TEXTS)[:500], [chance.choice(TEXTS)[:500]], {chance.choice(TEXTS)[:500]: True}]
        return json.dumps({chance.choice(FILTERS): chance.choice(values)})
    prefix = (
        chance.choice(CHANGES) if name == "changes" else chance.choice(("-eo ", "-o pid,", "")) * (name == "ps_args")
    )
    return prefix + chance.choice(TEXTS)


def from_archive(chance: random.Random) -> Made:
    method, target = chance.choice(
        (("POST", "/images/load"), ("POST", "/images/create?fromSrc=-"), ("PUT", "/containers/box/archive?path=/tmp"))
    )
    documents = (
        b"[]",
        b"7",
        b"[" * 5000,
        json.dumps([{"Config": chance.choice(VALUES), "Layers": chance.choice(VALUES)}]),
    )
    named = {
        chance.choice(("manifest.json", "index.json", "oci-layout", "../x", "/x", "a" * 300)): chance.choice(documents),
        chance.choice(("blobs/sha256/" + "0" * 64, "repositories", "x/")): chance.randbytes(600),
    }
    whole = bytearray(tar(named))
    for _ in range(chance.choice((0, 1, 20))):
        whole[chance.randrange(512)] = chance.randrange(256)
    return method, target, TAR, bytes(whole[: chance.choice((len(whole), 600, 10))])


def tar(files: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()

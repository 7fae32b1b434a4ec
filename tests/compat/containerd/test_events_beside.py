"""One long session of `ctr` on the original containerd and on ours: both tell the same events, field by field."""

import hashlib
import json
import re
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.compat.containerd.beside import Contestant, original, ours
from tests.integration.containerd.daemon import OurContainerd
from tests.support import images
from tests.support.paths import CACHE
from tests.support.peers import OriginalContainerd
from tests.support.waiting import wait_until

IMAGE = "docker.io/library/busybox:latest"
BLOB = b"a blob of both\n"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
# What no two runs have in common. (Nor process ids, times, and how a snapshotter numbers its folders.)
MASKS = (
    (re.compile(r"extract-\S+ "), "extract-N "),
    (re.compile(r"import-\d{4}-\d\d-\d\d"), "import-DATE"),
    (re.compile(r"/\d+/(?=\S+-std)"), "/N/"),
)
# What nothing keeps is collected when a call says so (--sync), not at a moment that differs from run to run.
PATIENT = """
version = 2
[plugins."io.containerd.gc.v1.scheduler"]
startup_delay = "1h"
deletion_threshold = 100000
mutation_threshold = 100000
"""
LINE = re.compile(r"^\S+ \S+ \S+ \S+ (\S+) (/\S+) (.*)$")


def patient(folder: Path) -> tuple[str, str]:
    folder.mkdir()
    (folder / "patient.toml").write_text(PATIENT)
    return "--config", str(folder / "patient.toml")


@pytest.fixture(scope="module")
def shared(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    folder = short_folder / f"cd{secrets.token_hex(3)}"
    daemon = OurContainerd(folder, *patient(folder), "--address", f"{folder}/state/containerd.sock")
    try:
        yield daemon.start()
    finally:
        daemon.close()


@pytest.fixture(scope="module", params=["sid", pytest.param("trixie", marks=pytest.mark.matrix)])
def original_daemon(
    request: pytest.FixtureRequest, machine_unchanged: None, short_folder: Path, root_folder: Path
) -> Iterator[OriginalContainerd]:
    folder = short_folder / f"oc{secrets.token_hex(3)}"
    daemon = OriginalContainerd(request.param, folder, bind=(root_folder, CACHE), flags=patient(folder))
    try:
        yield daemon
    finally:
        daemon.stop()


@contextmanager
def recorded(contestant: Contestant, log: Path) -> Iterator[None]:
    """`ctr events` into `log`, from before the body until all of it was told."""
    with open(log, "wb") as out:
        watcher = subprocess.Popen(contestant.command("events"), stdout=out)
    try:
        names = iter(range(1000))
        wait_until(
            lambda: contestant.ctr("namespaces", "create", f"begin{next(names)}") or log.stat().st_size, "an event"
        )
        yield
        contestant.ctr("namespaces", "create", "the-end")
        wait_until(lambda: "the-end" in log.read_text(), "the last event")
    finally:
        watcher.kill()
        watcher.wait()
        for name in contestant.ctr("namespaces", "ls", "-q").split():
            if name.startswith(("begin", "the-end")):
                contestant.ctr("namespaces", "rm", name)


def session(contestant: Contestant, root: Path, how: list[str]) -> None:
    ctr = contestant.ctr
    ingest = ["content", "ingest", "--expected-digest", DIGEST, "--expected-size", str(len(BLOB)), "ref"]
    subprocess.run(contestant.command(*ingest), input=BLOB, check=True, timeout=30)
    ctr("content", "label", DIGEST, "x=y")
    ctr("content", "rm", DIGEST)
    ctr("namespaces", "create", "other", "a=b")
    ctr("namespaces", "label", "other", "a=c")
    ctr("namespaces", "rm", "other")
    ctr("images", "import", *how, images.busybox())
    ctr("images", "tag", IMAGE, "again:1")
    ctr("images", "label", "again:1", "k=v")
    ctr("images", "rm", "again:1")
    ctr("run", "--rm", IMAGE, "short", "true")
    for words in (("prepare", "p"), ("commit", "c", "p"), ("prepare", "q", "c")):
        ctr("snapshots", *words)
    for key in ("q", "c"):
        ctr("snapshots", "rm", key)
    ctr("container", "create", "--rootfs", "--label", "l=1", root, "long", "/bin/sleep", "1000")
    ctr("container", "label", "long", "l=2")
    ctr("task", "start", "-d", "long")
    ctr("task", "exec", "--exec-id", "e", "long", "/bin/true")
    ctr("task", "pause", "long")
    ctr("task", "resume", "long")
    ctr("task", "kill", "-s", "KILL", "long")
    wait_until(lambda: "STOPPED" in ctr("task", "ls"), "the task to stop")
    contestant.run("task", "rm", "long")
    ctr("container", "rm", "long")
    ctr("images", "rm", "--sync", IMAGE)


def told(contestant: Contestant, log: Path) -> Counter[str]:
    """Each event as its topic and its masked fields. Probes are left out."""
    found: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        match = LINE.match(line)
        assert match is not None, line
        namespace, topic, text = match.groups()
        if namespace.startswith(("begin", "the-end")):
            continue
        namespace = "NS" if namespace == contestant.namespace else namespace
        fields = masked(json.loads(text), contestant)
        found[f"{namespace} {topic} {json.dumps(fields, sort_keys=True)}"] += 1
    return found


def masked(value: object, contestant: Contestant) -> object:
    if isinstance(value, dict):
        return {
            key: "*" if key in ("pid", "exited_at", "rootfs") else masked(inner, contestant)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner, contestant) for inner in value]
    if not isinstance(value, str):
        return value
    text = value.replace(str(contestant.folder), "FOLDER").replace(contestant.namespace, "NS")
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text


def test_both_tell_the_same_events(
    original_daemon: OriginalContainerd, shared: OurContainerd, root_folder: Path, tmp_path: Path
) -> None:
    both = []
    # 2.1's transfer service stores the index that it makes of the archive, too: a blob more, and its event.
    how = ["--local"] if original_daemon.suite == "sid" else []
    for contestant in (original(original_daemon), ours(shared, original_daemon.suite)):
        log = tmp_path / f"{len(both)}.log"
        with recorded(contestant, log):
            session(contestant, root_folder, how)
        both.append(told(contestant, log))
    theirs, mine = both
    assert sum(theirs.values()) > 25
    assert not (lacking := sorted((theirs - mine).elements())), "not told by ours:\n" + "\n".join(lacking)
    # The original's shim may end before its last event has arrived.
    more = [line for line in (mine - theirs).elements() if " /tasks/delete " not in line]
    assert not more, "not told by the original:\n" + "\n".join(more)


def test_what_the_transfer_service_unpacks_is_told_and_what_is_collected(
    shared: OurContainerd, sid: str, tmp_path: Path
) -> None:
    contestant = ours(shared, sid)
    log = tmp_path / "log"
    with recorded(contestant, log):
        contestant.ctr("images", "import", images.busybox())
        contestant.ctr("images", "rm", "--sync", IMAGE)
    topics = Counter(line.split()[1] for line in told(contestant, log))
    assert {topic: topics[topic] for topic in topics if "snapshot" in topic or "images" in topic} == {
        "/images/create": 1,
        "/images/delete": 1,
        "/snapshot/prepare": 1,
        "/snapshot/commit": 1,
        "/snapshot/remove": 1,
    }
    assert topics["/content/create"] == 3

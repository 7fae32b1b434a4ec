"""Runs in the guest, as `python3 -m tests.system.power.in_guest ROUND`: looks at what the last cut left, and goes on.

Images are /src/images/cut-N.tar: a busybox, files, and their sums. What it prints tells the host when to cut.
"""

import hashlib
import http.client
import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support import docker
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until

FOLDER = Path("/var/power/engine")
PATIENCE = 300.0
CHECK = "sha256sum -c -s /sums && echo whole"
WRITE = "echo runs; exec sleep 1000"
PROGRAM = f"{CHECK}; {WRITE}"


class Engine:
    """Our engine, with a client, and its API for what must be quick."""

    def __init__(self) -> None:
        run = FOLDER / "run"  # as /run is
        run.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", run], check=True)
        self.engine = OurEngine(FOLDER).start(seconds=60)
        self._client = docker.ours(self.engine.host)

    def __call__(self, *arguments: str) -> str:
        return self._client(*arguments, timeout=PATIENCE)

    def post(self, target: str, body: bytes, kind: str) -> bytes:
        connection = http.client.HTTPConnection("engine", timeout=PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(f"{FOLDER}/docker.sock")
        try:
            connection.request("POST", target, body, {"Content-Type": kind})
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status < 300, (target, said)
            return said
        finally:
            connection.close()

    def load(self, name: str) -> None:
        self.post("/images/load", Path(f"/src/images/{name}.tar").read_bytes(), "application/x-tar")

    def create(self, image: str, name: str) -> None:
        body = json.dumps({"Image": image, "Cmd": ["sh", "-c", PROGRAM]}).encode()
        self.post(f"/containers/create?name={name}", body, "application/json")


def say(words: str) -> None:
    sys.stdout.write(f"@@ {words}\n")
    sys.stdout.flush()


def main(number: int) -> None:
    engine = Engine()
    say(f"round {number}: the engine serves")
    check(engine)
    if number < len(ROUNDS):
        ROUNDS[number](engine)
    else:
        say("done")


def check(engine: Engine) -> None:
    """Whatever is told of is there, whole, and runs."""
    data = FOLDER / "data/containerd"
    connection = sqlite3.connect(f"file:{data}/io.containerd.metadata.v1.bolt/metadata.db?mode=ro", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    for digest, size in connection.execute("SELECT digest, size FROM content").fetchall():
        path = data / "io.containerd.content.v1.content/blobs/sha256" / digest.removeprefix("sha256:")
        try:
            blob = path.read_bytes()
        except FileNotFoundError:  # the collection that runs at the start may have come in between
            assert not connection.execute("SELECT 1 FROM content WHERE digest = ?", (digest,)).fetchall()
            continue
        assert (f"sha256:{hashlib.sha256(blob).hexdigest()}", len(blob)) == (digest, size)
    torn = connection.execute("SELECT count(*) FROM snapshots WHERE state = 2 AND kind = 'committed'").fetchone()[0]
    connection.close()
    images = engine("images", "--format", "{{.Repository}}").split()
    for image in images:
        assert engine("run", "--rm", image, "sh", "-c", CHECK) == "whole", image
    boxes = engine("ps", "-a", "--format", "{{.Names}}").split()
    for box in boxes:
        assert engine("start", box) == box
        wait_until(lambda box=box: "runs" in engine("logs", box), "the container to run")  # type: ignore[misc]
        assert "whole" in engine("logs", box)
        engine("rm", "-f", box)
    assert "Traceback" not in engine.engine.log()
    say(f"checked {len(images)} images, {len(boxes)} containers; torn {torn}")


def cut_after_a_load(engine: Engine) -> None:
    """Nothing of the image but its content and its rows need be on disk."""
    engine.load("cut-0")
    engine.create("cut-0", "created-0")
    say("cut")


ROUNDS: tuple[Callable[[Engine], None], ...] = (cut_after_a_load,)


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""An image whose configuration gives orders to containerd (CVE-2026-53488): no client that copies labels obeys it."""

import json
from pathlib import Path

import pytest

from tests.compat.containerd.beside import ours
from tests.integration.containerd.daemon import OurContainerd
from tests.support import images, peers
from tests.support.waiting import wait_until

NAME = "docker.io/library/orders:1"
STATUS = "containerd.io/restart.status"


@pytest.fixture
def daemon(fresh: OurContainerd) -> OurContainerd:
    """One that looks for restarts ten times a second."""
    fresh.stop()
    (fresh.folder / "config.toml").write_text(
        'version = 3\n[plugins."io.containerd.monitor.container.v1.restart"]\n  interval = "100ms"\n'
    )
    fresh.flags = ("--config", f"{fresh.folder}/config.toml", "--address", fresh.address)
    return fresh.start()


# The client of 2.1 drops such labels itself.
@pytest.mark.parametrize("suite", ["trixie", pytest.param("sid", marks=pytest.mark.matrix)])
def test_an_image_gives_no_orders(daemon: OurContainerd, busybox_archive: Path, tmp_path: Path, suite: str) -> None:
    peers.install(suite)
    ctr = ours(daemon, suite).ctr
    canary = tmp_path / "ran"
    labels = {
        STATUS: "running",
        "containerd.io/restart.loguri": f"binary:///bin/sh?-c=touch+{canary}",
        "containerd.io/gc.root": "1",
        "io.cri-containerd.image": "managed",
        "com.example.kept": "x",
    }
    files: dict[str, bytes | str] = {"bin/busybox": images.program_of(busybox_archive), "bin/sh": "-> busybox"}
    archive = images.make(tmp_path / "orders.tar", NAME, files, {"Cmd": ["sh"], "Env": ["PATH=/bin"], "Labels": labels})
    ctr("images", "import", archive)
    ctr("container", "create", NAME, "obeys", "sh", "-c", "exit 0")
    kept = json.loads(ctr("container", "info", "obeys"))["Labels"]
    assert kept["com.example.kept"] == "x"
    assert not [key for key in kept if key.startswith(("containerd.io/restart", "containerd.io/gc", "io.cri"))]
    # The same by the user's own word counts: it is started, and nothing but the word that came with it.
    ctr("container", "create", "--label", f"{STATUS}=running", "--label", "own=1", NAME, "mine", "sh", "-c", "exit 0")
    assert STATUS not in json.loads(ctr("container", "info", "mine"))["Labels"]  # equal to the image's: not to be told
    ctr("container", "label", "mine", f"{STATUS}=running")
    wait_until(lambda: "mine" in ctr("task", "ls", "-q").split(), "the task that the user asked for")
    assert "obeys" not in ctr("task", "ls", "-q").split()
    assert not canary.exists()

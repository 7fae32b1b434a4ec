"""`docker push` where it takes more than one image and an open registry, on our engine and on the original."""

import base64
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import layouts
from tests.support.docker import Docker
from tests.support.registry import ADDRESS, SECRET, USER, Registry
from tests.system.conftest import Column
from tests.system.harness import remove_all_without_name

pytestmark = [pytest.mark.root, pytest.mark.peers]
LOCKED = "127.0.0.1:5001"
BLOB = re.compile(r"^[0-9a-f]{12}: (.*)$", re.MULTILINE)


@pytest.fixture
def column(any_network: Column) -> Iterator[Column]:
    yield any_network
    names = any_network.client("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    if mine := [name for name in names if "/push" in name or "multi" in name]:
        any_network.client("rmi", *mine)
    remove_all_without_name(any_network.client)


def logged_in(client: Docker, folder: Path) -> Docker:
    secret = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {LOCKED: {"auth": secret}}}))
    return replace(client, environment={**client.environment, "DOCKER_CONFIG": str(folder)})


def test_a_locked_registry_takes_images_of_who_is_logged_in(column: Column, short_folder: Path, tmp_path: Path) -> None:
    name = f"{LOCKED}/push/locked"
    client = column.client
    client("tag", "busybox", name)
    with Registry(Path(tempfile.mkdtemp(prefix="lock", dir=short_folder)), column.enter, address=LOCKED, locked=True):
        refused = client.run("push", name)
        assert refused.status == 1
        assert "no basic auth credentials" in refused.err or "authentication required" in refused.err
        known = logged_in(client, tmp_path)
        said = known("push", name)
        assert set(BLOB.findall(said)) - {"Waiting"} == {"Pushed"}
        assert re.search(r"^latest: digest: sha256:[0-9a-f]{64} size: \d+$", said, re.MULTILINE)
        client("rmi", name)
        assert "Downloaded newer image" in known("pull", name)


def test_a_layer_that_a_sister_has_is_mounted(column: Column) -> None:
    client = column.client
    whose = "theirs" if "/sid/" in client.host else "ours"  # both registries serve one folder
    base, sister = f"{ADDRESS}/push/{whose}-base", f"{ADDRESS}/push/{whose}-sister"
    client("tag", "busybox", base)
    client("push", base)
    client("tag", "busybox", sister)
    said = BLOB.findall(client("push", sister))
    assert [line for line in said if line != "Waiting"] == [f"Mounted from push/{whose}-base"]


def test_of_an_index_that_is_not_whole_the_image_that_is_here_is_pushed(column: Column, tmp_path: Path) -> None:
    layout = layouts.Layout()
    mine, other = (layout.image(machine, machine) for machine in (layouts.MACHINE, layouts.OTHER))
    index = layout.index(**{layouts.MACHINE: mine, layouts.OTHER: other})
    layout.list(index, name="docker.io/library/multi:1", ref="1")
    layout.forget(other)
    client = column.client
    client("load", "-i", str(layout.write(tmp_path / "partial.tar")))
    name = f"{ADDRESS}/push/partial"
    client("tag", "multi:1", name)
    done = client.run("push", name).ok()
    assert f"latest: digest: {mine['digest']} size: {mine['size']}" in done.out
    assert f"{index['digest']} -> {mine['digest']}" in re.sub(r"\x1b\[\d+m", "", done.out)
    said = client("push", "--platform", f"linux/{layouts.MACHINE}", name)
    assert f"latest: digest: {mine['digest']}" in said
    refused = client.run("push", "--platform", f"linux/{layouts.OTHER}", name)
    assert refused.status == 1
    assert "does not provide the specified platform" in refused.err

"""What the originals' `ctr plugins` shows of our containerd."""

import json

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import peers

pytestmark = [pytest.mark.root, pytest.mark.peers]


@pytest.mark.parametrize("suite", sorted(peers.SUITES))
def test_the_parts_are_listed_and_chosen_by_filters(shared: OurContainerd, suite: str) -> None:
    peers.install(suite)
    rows = [line.split() for line in shared.ctr("plugins", "ls", suite=suite).stdout.decode().splitlines()[1:]]
    assert ["io.containerd.runtime.v2", "task", "linux/amd64", "ok"] in rows
    assert not [row for row in rows if row[1] == "cri"]
    detailed = shared.ctr("plugins", "ls", "-d", "type==io.containerd.snapshotter.v1,id==native", suite=suite)
    text = detailed.stdout.decode()
    assert text.count("Type:") == 1
    assert f"{shared.folder}/root/io.containerd.snapshotter.v1.native" in text


def test_a_runtime_tells_of_itself(shared: OurContainerd, sid: str) -> None:
    """A question that containerd 2 has."""
    told = json.loads(shared.ctr("plugins", "inspect-runtime", "--runtime", "io.containerd.runc.v2").stdout)
    assert told["Name"] == "io.containerd.runc.v2"
    assert "mount" in told["Features"]["linux"]["namespaces"]
    refused = shared.ctr("plugins", "inspect-runtime", "--runtime", "io.containerd.none.v9", check=False)
    assert refused.returncode != 0
    assert b"containerd-shim-none-v9" in refused.stderr

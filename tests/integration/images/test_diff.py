"""Layers made of what a container changed: applied again, they give the same tree. Mounted for real."""

import asyncio
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any as AnyProto
from google.protobuf.timestamp_pb2 import Timestamp

from slipway.archive.unpack import Unpackers
from slipway.base.errors import Unavailable
from slipway.containerd.diff.compare import UNCOMPRESSED_LABEL
from slipway.containerd.diff.differ import DirectoryDiffer
from slipway.containerd.diff.stream_processors import StreamProcessor
from slipway.containerd.metadata.model import Scope
from slipway.containerd.services.diff import DiffService
from slipway.containerd.services.messages import descriptor_message, mount_messages
from slipway.containerd.services.scope import NAMESPACE_HEADER
from slipway.contracts.containerd_api.generated import diff_pb2
from slipway.contracts.containerd_api.types import Descriptor, Mount
from slipway.contracts.oci import image
from slipway.transport.aio.grpc_method import methods_of
from slipway.transport.aio.grpc_server import Call
from tests.integration.images.conftest import Daemon

pytestmark = pytest.mark.root
SCOPE = Scope("moby")
SCRIPT_BASE = (
    "mkdir -p d/keep d/drop o p; echo 1 >d/keep/f; echo 1 >d/drop/f; echo 1 >o/old; echo a >a; ln a b; touch t"
)
SCRIPT_CHANGE = (
    "echo 2 >d/keep/f; rm -r d/drop; rm -r o; mkdir o; echo n >o/new; rm a; ln -s d link; mkfifo fifo; chmod 700 p;"
    " echo x >one; ln one two; chown 1000:1000 t; setfattr -n user.colour -v red one 2>/dev/null || true"
)


def in_mount(mounts: Sequence[Mount], place: Path, script: str) -> str:
    place.mkdir(exist_ok=True)
    commands = [
        shlex.join(
            ["mount", *(["-t", each.type] if each.type != "bind" else []), "-o", ",".join(each.options), each.source,
             str(place)]
        )
        for each in mounts
    ]  # fmt: skip
    whole = " && ".join([*commands, f"cd {place}", script])
    argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", whole]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


LIST = r"find . -printf '%P %y %m %U:%G %n %l\n' | grep -v '^ d' | sort; cat d/keep/f o/*"


@pytest.mark.parametrize("snapshotter", ["overlayfs", "native"])
@pytest.mark.parametrize("media_type", [image.OCI_LAYER, image.OCI_LAYER_GZIP, image.OCI_LAYER_ZSTD])
def test_a_layer_of_the_changes_makes_the_same_tree(
    daemon: Daemon, tmp_path: Path, snapshotter: str, media_type: str
) -> None:
    if snapshotter not in daemon.stores.snapshotters:
        pytest.skip("overlayfs is missing")
    snapshots, differ = daemon.stores.snapshotters[snapshotter], daemon.stores.differ
    in_mount(snapshots.prepare(SCOPE, "base-active"), tmp_path / "m", SCRIPT_BASE)
    snapshots.commit(SCOPE, "base", "base-active")
    changed = snapshots.prepare(SCOPE, "changed", "base")
    expected = in_mount(changed, tmp_path / "m", f"{SCRIPT_CHANGE}; {LIST}")
    layer = differ.diff(SCOPE, snapshots.view(SCOPE, "base-view", "base"), changed, media_type=media_type)
    assert layer.media_type == media_type
    again = snapshots.prepare(SCOPE, "again", "base")
    applied = differ.apply(SCOPE, layer, again)
    assert daemon.stores.content.info(SCOPE, layer.digest).labels[UNCOMPRESSED_LABEL] == applied.digest
    assert in_mount(again, tmp_path / "m", LIST) == expected


def test_the_same_changes_make_the_same_layer(daemon: Daemon, tmp_path: Path) -> None:
    snapshots, differ = daemon.stores.snapshotters["overlayfs"], daemon.stores.differ
    active = snapshots.prepare(SCOPE, "a")
    in_mount(active, tmp_path / "m", SCRIPT_BASE)
    first, second = (differ.diff(SCOPE, (), active, source_date_epoch=1000) for _ in range(2))
    assert first == second


def test_a_layer_that_replaces_a_directory_hides_what_was_in_it(daemon: Daemon, tmp_path: Path) -> None:
    snapshots, differ = daemon.stores.snapshotters["overlayfs"], daemon.stores.differ
    in_mount(snapshots.prepare(SCOPE, "base-active"), tmp_path / "m", "mkdir -p d/sub; touch d/old d/sub/old")
    snapshots.commit(SCOPE, "base", "base-active")
    changed = snapshots.prepare(SCOPE, "changed", "base")
    in_mount(changed, tmp_path / "m", "rm -r d; mkdir d; touch d/new")
    layer = differ.diff(SCOPE, snapshots.view(SCOPE, "v", "base"), changed)
    again = snapshots.prepare(SCOPE, "again", "base")
    differ.apply(SCOPE, layer, again)
    assert in_mount(again, tmp_path / "m", "ls d") == "new\n"


def test_a_payload_of_the_call_reaches_its_stream_processor(daemon: Daemon, tmp_path: Path) -> None:
    snapshots, content = daemon.stores.snapshotters["overlayfs"], daemon.stores.content
    mounts = snapshots.prepare(SCOPE, "a")
    in_mount(mounts, tmp_path / "m", "touch f")
    layer = daemon.stores.differ.diff(SCOPE, (), mounts, media_type=image.OCI_LAYER)
    script = f"cat <&3 >{tmp_path}/payload; cat"
    keyed = StreamProcessor(id="keyed", accepts=("x/keyed",), returns=image.OCI_LAYER, path="sh", args=("-c", script))
    unpackers = Unpackers(1)
    try:
        service = DiffService(DirectoryDiffer(content, unpackers, [keyed]))
        request = diff_pb2.ApplyRequest(mounts=mount_messages(snapshots.prepare(SCOPE, "b")), sync_fs=True)
        request.diff.CopyFrom(descriptor_message(replace(layer, media_type="x/keyed")))
        request.payloads["keyed"].Pack(Timestamp(seconds=7))
        method = methods_of(diff_pb2.DESCRIPTOR.services_by_name["Diff"])["apply"]
        applied = asyncio.run(service.apply(Call(method, {NAMESPACE_HEADER: SCOPE.namespace}), request)).applied
    finally:
        unpackers.close()
    assert applied.digest == layer.digest
    assert AnyProto.FromString((tmp_path / "payload").read_bytes()) == request.payloads["keyed"]
    assert in_mount(snapshots.mounts(SCOPE, "b"), tmp_path / "m", "ls") == "f\n"


def test_an_ingest_of_a_layer_that_cannot_be_made_is_not_left(daemon: Daemon, tmp_path: Path) -> None:
    gone = [Mount(type="bind", source=f"{tmp_path}/gone", options=("rw", "rbind"))]
    with pytest.raises(Unavailable, match="make a layer"):
        daemon.stores.differ.diff(SCOPE, (), gone)
    assert daemon.stores.content.statuses(SCOPE) == []


def test_a_worker_cannot_reach_the_network_and_has_few_capabilities(daemon: Daemon, tmp_path: Path) -> None:
    snapshots, differ = daemon.stores.snapshotters["overlayfs"], daemon.stores.differ
    active = snapshots.prepare(SCOPE, "a")
    in_mount(active, tmp_path / "m", "touch f")
    layer: Descriptor = differ.diff(SCOPE, (), active, media_type=image.OCI_LAYER)
    differ.apply(SCOPE, layer, snapshots.prepare(SCOPE, "b"))
    workers = [pid for pid in os.listdir("/proc") if pid.isdigit() and _parent_and_name(pid) == (os.getpid(), "unpack")]
    assert workers
    for pid in workers:
        assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
        status = Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        # chown, dac_override, fowner, fsetid, mknod, setfcap
        assert int(fields["CapPrm"], 16) | int(fields["CapBnd"], 16) == 0x8800001B
        assert fields["NoNewPrivs"] == "1"


def _parent_and_name(pid: str) -> tuple[int, str]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0, ""
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return int(rest.split()[1]), "unpack" if name == "containerd-unpa" else name  # comm has 15 bytes

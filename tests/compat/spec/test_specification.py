"""Our specification of a container equals the one that the original Docker 28.5 writes for the same options.

The original makes and starts each container of the matrix; what it shows in `inspect` is our input, and its
config.json the answer that ours is compared with. Masked: the network namespace's path, and where the root file system
is.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.mounts import MountPoint
from slipway.contracts.engine_api.schema import decode
from slipway.dockerd.containers.files.devices import block_device_numbers, devices_of_container
from slipway.dockerd.containers.files.mount_points import resolved_mount, tmpfs_mounts
from slipway.dockerd.containers.files.users import container_user
from slipway.dockerd.containers.spec.generate import specification
from slipway.dockerd.containers.spec.model import SpecificationInput
from slipway.dockerd.containers.spec.mounts import our_mounts
from slipway.dockerd.system.host_facts import read_host_facts
from tests.compat.spec.matrix import OPTIONS, PLAIN, SAMPLE
from tests.support import docker, images, peers
from tests.support.peers import OriginalEngine

pytestmark = [pytest.mark.root, pytest.mark.peers, pytest.mark.matrix]
CASES = [
    pytest.param(options, id=name, marks=[pytest.mark.sample] if name in SAMPLE else [])
    for name, options in OPTIONS.items()
]

PASSWD = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\n"
GROUP = "root:x:0:\ndaemon:x:1:\nadm:x:4:alice,daemon\naudio:x:29:alice,root\nalice:x:1000:\n"
IMAGE = "slipway-spec:latest"


@pytest.fixture(scope="module")
def client(original_engine: OriginalEngine, short_folder: Path) -> Iterator[docker.Docker]:
    client = docker.theirs(original_engine.host)
    files: dict[str, bytes | str] = {
        "bin/": "/",
        "etc/": "/",
        "bin/sleep": (peers.PEERS_HOME / "sid/usr/bin/busybox").read_bytes(),
        "etc/passwd": PASSWD.encode(),
        "etc/group": GROUP.encode(),
    }
    archive = images.make(short_folder / "spec.tar", IMAGE, files, {"Env": ["PATH=/bin:/usr/bin", "FROM_IMAGE=1"]})
    client.run("load", "-i", str(archive)).ok()
    yield client
    client.run("image", "rm", "-f", IMAGE)


@pytest.mark.parametrize("options", CASES)
def test_specification_equals_the_originals(
    options: str, client: docker.Docker, original_engine: OriginalEngine
) -> None:
    container = client.run("create", *shlex.split(options), IMAGE, *_command(options)).ok().line
    try:
        started = client.run("start", container)
        if started.status:
            pytest.skip(f"the original cannot start it here: {started.err.strip()}")
        theirs = _bundle_of(original_engine, container)
        shown = json.loads(client.run("inspect", container).ok().out)[0]
        ours = json.loads(json.dumps(specification(_request(shown, original_engine, theirs))))
    finally:
        client.run("rm", "-f", "-v", container)
    assert _comparable(ours) == _comparable(theirs)


def _command(options: str) -> tuple[str, ...]:
    return PLAIN[1:] if "--entrypoint" in options else PLAIN


def _bundle_of(engine: OriginalEngine, container: str) -> dict[str, Any]:
    pattern = f"/run/peer-{engine.name}/containerd/daemon/io.containerd.runtime.v2.task/moby/{container}/config.json"
    argv = ["nsenter", "-t", str(engine.pid), "-m", "--", "cat", pattern]
    document: dict[str, Any] = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    return document


def _request(shown: dict[str, Any], engine: OriginalEngine, theirs: dict[str, Any]) -> SpecificationInput:
    config, host_config = decode(ContainerConfig, shown["Config"]), decode(HostConfig, shown["HostConfig"])
    folder = Path(shown["HostnamePath"]).parent if shown["HostnamePath"] else Path("/")
    files = {f"/etc/{name}": str(folder / name) for name in ("resolv.conf", "hostname", "hosts")}
    for mount in theirs["mounts"]:  # the daemon's own shared memory file, kept for containers that may join
        if mount["destination"] == "/dev/shm" and mount["type"] == "bind":
            files["/dev/shm"] = mount["source"]
    has_init = any(mount["destination"] == "/sbin/docker-init" for mount in theirs["mounts"])
    points = tuple(decode(MountPoint, point) for point in shown["Mounts"])
    return SpecificationInput(
        container_id=shown["Id"],
        config=config,
        host_config=host_config,
        facts=read_host_facts(),
        arguments=(shown["Path"], *shown["Args"]),
        user=container_user(config.user, host_config.group_add or (), PASSWD.encode(), GROUP.encode()),
        mounts=(
            *(resolved_mount(point, host_config.mounts or ()) for point in points if point.type != "tmpfs"),
            *tmpfs_mounts(host_config),
            *our_mounts(files, host_config),
        ),
        devices=devices_of_container(host_config),
        block_devices=block_device_numbers(host_config),
        init_path="/usr/bin/docker-init" if has_init else "",
        cgroup_parent=f"/{engine.cgroup_parent}",
    )


def _comparable(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what differs from engine to engine, and with lists whose order means nothing sorted."""
    document["root"].pop("path")
    for mount in document["mounts"]:
        if mount["destination"] == "/sbin/docker-init":
            mount.pop("source")
    document["mounts"].sort(key=lambda mount: mount["destination"])
    groups = document["process"]["user"]["additionalGids"]
    document["process"]["user"]["additionalGids"] = [groups[0], *sorted(set(groups[1:]))]
    linux = document["linux"]
    linux["cgroupsPath"] = linux["cgroupsPath"].lstrip("/")
    linux["resources"]["devices"] = _without_repetition(linux["resources"]["devices"])
    if "seccomp" in linux:
        linux["seccomp"]["syscalls"] = _answers(linux["seccomp"]["syscalls"])
    return document


def _without_repetition(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The original writes its defaults twice."""
    kept: list[dict[str, Any]] = []
    for rule in rules:
        if rule not in kept:
            kept.append(rule)
    return kept


def _answers(rules: list[dict[str, Any]]) -> list[str]:
    """One line per system call and rule, but for `socket`: we refuse AF_ALG too (docs/decisions/seccomp-profile.md)."""
    return sorted(
        f"{name} {rule['action']} {rule.get('errnoRet')} {rule.get('args')}"
        for rule in rules
        for name in rule["names"]
        if name != "socket"
    )

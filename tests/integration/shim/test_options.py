"""What containerd's client may choose about a container's runtime, and what each choice does."""

import asyncio
import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from slipway.base.errors import EngineError, InvalidArgument
from slipway.contracts.shim_api import messages
from slipway.contracts.shim_api.options import OPTIONS_TYPE, Options
from slipway.wire.protobuf import Message, blob, encode, text
from slipway.wire.protobuf_known import AnyMessage
from tests.integration.shim.conftest import Container
from tests.support import cgroup_folders, processes
from tests.support.paths import LAUNCHERS
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root


class OtherOptions(Message):
    """Those of a runtime that has its own configuration: containerd api/types/runtimeoptions/v1."""

    type_url = text(1)
    config_path = text(2)
    config_body = blob(3)


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A runtime that notes how it is called and in which environment, and is our runc otherwise."""
    program = tmp_path / "recorder"
    runc = shlex.quote(str(LAUNCHERS / "runc"))
    script = f"""#!/bin/sh
echo "$@" >>{tmp_path}/calls
env >>{tmp_path}/environment
stat -L -c %u:%g /proc/$$/fd/2 >>{tmp_path}/owners
[ "$1" = features ] && exec {runc} features
exec {runc} "$@"
"""
    program.write_text(script)
    program.chmod(0o755)
    return program


def calls(recorder: Path, verb: str) -> list[list[str]]:
    """The words of every call of a verb."""
    lines = [line.split() for line in recorder.with_name("calls").read_text().splitlines()]
    return [words for words in lines if verb in words]


def options(containerd, **chosen):
    return Options(root=f"{containerd.folder}/runc", **chosen)


def test_another_runtime_is_run_for_every_verb(scenario, recorder):
    async def test(containerd):
        root = f"{containerd.folder}/elsewhere"
        container = await containerd.container(
            "/bin/sleep", "1000", options=Options(binary_name=str(recorder), root=root)
        )
        assert os.listdir(f"{root}/test") == [container.id]
        await container.start()
        await container.client.pause(container.task)
        await container.client.resume(container.task)
        await container.client.pids(container.task)
        await container.end()
        for verb in ("create", "start", "pause", "resume", "ps", "kill", "delete"):
            [words] = calls(recorder, verb)
            assert words[words.index("--root") + 1] == f"{root}/test"
            assert "--systemd-cgroup" not in words
        [words] = calls(recorder, "create")
        assert not {"--no-pivot", "--no-new-keyring"} & set(words)
        assert os.listdir(f"{root}/test") == []

    scenario(test)


@pytest.mark.matrix
def test_whoever_cleans_up_finds_the_runtime_and_its_state(scenario, recorder):
    async def test(containerd):
        chosen = options(containerd, binary_name=str(recorder))
        container = await containerd.container("/bin/sleep", "1000", options=chosen)
        assert (container.bundle / "runtime").read_text() == str(recorder)
        fields = json.loads((container.bundle / "options.json").read_text())
        assert fields == {"binary_name": str(recorder), "root": chosen.root}
        await containerd.launcher.delete(container.request)
        [words] = calls(recorder, "delete")
        assert words[-3:] == ["delete", "--force", container.id]
        assert words[words.index("--root") + 1] == f"{chosen.root}/test"
        await container.client.wait(container.process)

    scenario(test)


@pytest.mark.matrix
def test_systemd_is_asked_for_the_groups_and_keyring_and_root_are_kept(scenario, recorder):
    """As the runtime is told: whether a systemd is there is its matter (tests/integration/runc/test_systemd.py)."""

    async def test(containerd):
        chosen = options(
            containerd, binary_name=str(recorder), systemd_cgroup=True, no_pivot_root=True, no_new_keyring=True
        )
        with pytest.raises(EngineError, match="create failed"):
            await containerd.container("/bin/sleep", "1000", options=chosen)
        [words] = calls(recorder, "create")
        assert "--systemd-cgroup" in words[: words.index("create")]
        assert {"--no-pivot", "--no-new-keyring"} <= set(words[words.index("create") :])

    scenario(test)


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_container_has_a_session_keyring_of_its_own_unless_it_keeps_its_caller_s(scenario, is_kept):
    """The runtime names it after the container; /proc/keys is what the program may view."""

    async def test(containerd):
        chosen = options(containerd, no_new_keyring=is_kept)
        container = await containerd.container("/bin/cat", "/proc/keys", options=chosen)
        container.open()
        await container.start()
        assert (f"_ses.{container.id}: empty".encode() in await container.read()) is not is_kept
        await container.end()

    scenario(test)


@pytest.mark.vm
def test_systemd_makes_the_groups_where_the_options_say_so(scenario, monkeypatch):
    """A scope, from the creation until the end; whoever serves the container then."""

    def ask(unit, name):
        words = ["systemctl", "show", "-P", name, unit]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    async def test(containerd):
        container = Container(containerd, f"c{os.urandom(4).hex()}")
        spec = container._spec(["/bin/sleep", "1000"], False)
        spec["linux"]["cgroupsPath"] = f"swshim.slice:slipway:{container.id}"
        spec["linux"]["resources"] = {"pids": {"limit": 42}}
        monkeypatch.setattr(container, "_spec", lambda *_: spec)
        await container.create([], options=options(containerd, systemd_cgroup=True))
        unit = f"slipway-{container.id}.scope"
        group = Path("/sys/fs/cgroup/swshim.slice") / unit
        assert await asyncio.to_thread(ask, unit, "ActiveState") == "active"
        assert await asyncio.to_thread(ask, unit, "TasksMax") == "42"
        await container.start()
        await container.passed_on()
        assert (group / "cgroup.procs").read_text().split() == [str(container.pid)]
        await container.client.pause(container.task)
        assert "frozen 1" in (group / "cgroup.events").read_text()
        await container.client.resume(container.task)
        await container.end()
        await asyncio.to_thread(wait_until, lambda: not group.exists(), "systemd to remove the scope")
        assert await asyncio.to_thread(ask, unit, "LoadState") == "not-found"

    scenario(test)


@pytest.mark.matrix
def test_without_pivot_root_the_old_root_lies_below(scenario):
    """chroot(2) and MS_MOVE instead: the container's root is still its own."""

    async def test(containerd):
        chosen = options(containerd, no_pivot_root=True, no_new_keyring=True)
        container = await containerd.container("/bin/sh", "-c", "echo *", options=chosen)
        container.open()
        await container.start()
        said = (await container.read()).split()
        assert b"bin" in said
        assert b"usr" not in said
        await container.end()

    scenario(test)


def test_the_streams_belong_to_whom_the_options_name(scenario, recorder):
    """Until the runtime gives them to the user that the program runs as."""

    async def test(containerd):
        chosen = options(containerd, binary_name=str(recorder), io_uid=12345, io_gid=54321)
        container = await containerd.container("/bin/sleep", "1000", options=chosen)
        assert recorder.with_name("owners").read_text().split()[0] == "12345:54321"
        assert os.stat(f"/proc/{container.pid}/fd/1").st_gid == 54321
        await container.end()

    scenario(test)


def test_a_shim_joins_the_group_that_is_named(scenario):
    """Its forerunner, too; the container has a group of its own."""

    async def test(containerd):
        group = f"{containerd.cgroup}/shims"
        packed = AnyMessage(type_url=OPTIONS_TYPE, value=encode(Options(shim_cgroup=f"/{group}")))
        container = Container(containerd, f"c{os.urandom(4).hex()}")
        object.__setattr__(container.request, "options", encode(packed))
        await container.create(["/bin/sleep", "1000"])
        await container.start()
        inside = cgroup_folders.members("shims")
        assert container.bootstrap.pid in inside
        assert container.pid not in inside
        await container.passed_on()
        assert container.bootstrap.pid in cgroup_folders.members("shims")
        await container.end()

    scenario(test)


@pytest.mark.matrix
def test_images_and_work_of_criu_are_where_they_are_told(scenario, recorder):
    """A container that comes from a checkpoint is restored at its start."""

    async def test(containerd):
        chosen = options(containerd, binary_name=str(recorder), criu_work_path=f"{containerd.folder}/criu")
        container = Container(containerd, f"c{os.urandom(4).hex()}")
        await container.launch(["/bin/true"])
        await container.client.create(
            messages.CreateTaskRequest(
                id=container.id,
                bundle=str(container.bundle),
                rootfs=[messages.Mount(type="bind", source=str(containerd.rootfs), options=["rbind", "rw"])],
                checkpoint=f"{containerd.folder}/images",
                options=AnyMessage(type_url=OPTIONS_TYPE, value=encode(chosen)),
            )
        )
        with pytest.raises(EngineError, match="restore failed"):
            await container.start()
        [words] = calls(recorder, "restore")
        assert words[words.index("--image-path") + 1] == f"{containerd.folder}/images"
        assert words[words.index("--work-path") + 1] == f"{containerd.folder}/criu"
        await container.client.delete(container.process)

    scenario(test)


def test_options_of_another_runtime_are_refused_in_one_sentence(scenario):
    """runtimeoptions.v1: a file, or its text, for shims that have a configuration of their own."""

    async def test(containerd):
        other = OtherOptions(type_url="io.kata", config_path="/etc/kata.toml", config_body=b"[hypervisor]")
        packed = AnyMessage(type_url="runtimeoptions.v1.Options", value=encode(other))
        expected = "runtime options of type 'runtimeoptions.v1.Options', expected containerd.runc.v1.Options"
        with pytest.raises(InvalidArgument, match=expected):
            await containerd.container("/bin/true", options=packed)
        [container] = containerd.clients
        with open("/proc/self/mountinfo") as mounts:
            assert str(container.bundle) not in mounts.read()

    scenario(test)


@pytest.mark.matrix
def test_options_with_a_prefix_to_their_type_are_the_same(scenario):
    async def test(containerd):
        chosen = options(containerd, io_gid=7)
        packed = AnyMessage(type_url=f"type.googleapis.com/{OPTIONS_TYPE}", value=encode(chosen))
        container = await containerd.container("/bin/sleep", "1000", options=packed)
        assert os.stat(f"/proc/{container.pid}/fd/1").st_gid == 7
        await container.end()

    scenario(test)


HOSTILE = {
    "LD_PRELOAD": "/evil.so",
    "LD_LIBRARY_PATH": "/evil",
    "PYTHONPATH": "/evil",
    "PYTHONHOME": "/evil",
    "PYTHONSTARTUP": "/evil.py",
    "PATH": "/evil:/bin",
    "TTRPC_ADDRESS": "/evil.sock",
    "NOTIFY_SOCKET": "/evil.sock",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://evil",
}


def test_nothing_of_a_containers_environment_reaches_its_shim_or_its_runtime(scenario, recorder, monkeypatch):
    """What an image or `docker run -e` says is the program's alone."""

    async def test(containerd):
        container = Container(containerd, f"c{os.urandom(4).hex()}")
        spec = container._spec(["/bin/sleep", "1000"], False)
        spec["process"]["env"] = [f"{name}={value}" for name, value in HOSTILE.items()]
        monkeypatch.setattr(container, "_spec", lambda *_: spec)
        await container.create([], options=options(containerd, binary_name=str(recorder)))
        await container.start()
        assert "LD_PRELOAD=/evil.so" in Path(f"/proc/{container.pid}/environ").read_text().split("\0")
        for pid in (container.bootstrap.pid, *shims(containerd)):
            assert "evil" not in Path(f"/proc/{pid}/environ").read_text()
        await container.client.pids(container.task)
        await container.end()
        assert "evil" not in recorder.with_name("environment").read_text()

    scenario(test)


def shims(containerd):
    return [process.pid for process in processes.mentioning(f"-address {containerd.address}")]

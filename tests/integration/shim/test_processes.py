"""What a shim and its template are as processes: what they load, hold, show, and keep from others."""

import asyncio
import os
import re
import shutil
import signal
import stat
import time
from collections import Counter

import pytest

from slipway.base.errors import Unavailable
from slipway.clients.shim.exec import ExecLauncher
from slipway.clients.shim.interface import ShimRequest
from slipway.clients.shim.template import TemplateLauncher
from slipway.contracts.shim_api import messages
from tests.support import processes
from tests.support.paths import CHECKOUT
from tests.support.waiting import SLOWNESS, wait_until

pytestmark = pytest.mark.root

FORBIDDEN = [
    "asyncio",
    "threading",
    "logging",
    "json",
    "re",
    "enum",
    "dataclasses",
    "typing",
    "argparse",
    "pathlib",
    "subprocess",
    "socket",
    "selectors",
]


def read(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("program", ["shim", "template"])
def test_nothing_heavy_is_loaded(python, program):
    code = f"import slipway.launch.{program}; from slipway.runc.preload import preload; preload(); print(*sys.modules)"
    assert not set(FORBIDDEN) & set(python(code).split())


def test_a_forked_shim_loads_nothing_after_the_fork(scenario):
    """The template may not find a module any more: what a shim then does works, so nothing was missing."""

    async def test(containerd):
        container = await containerd.container("/bin/sh", "-c", "echo x", stdin=True)
        before = read(f"/proc/{container.bootstrap.pid}/maps").count(b"\n")
        container.open()
        await container.start()
        await container.client.wait(container.process)
        assert await container.read() == b"x\n"
        await container.client.stats(container.task)
        libraries = {
            line.split()[-1] for line in read(f"/proc/{container.bootstrap.pid}/maps").splitlines() if b".so" in line
        }
        template = {
            line.split()[-1] for line in read(f"/proc/{containerd.launcher.pid}/maps").splitlines() if b".so" in line
        }
        assert libraries <= template
        assert before
        await container.end()

    scenario(test)


def descriptors(pid):
    """What a process has open, without numbers, and how often."""
    folder = f"/proc/{pid}/fd"
    return Counter(re.sub(r"\d+", "N", os.readlink(f"{folder}/{number}")) for number in os.listdir(folder))


def test_a_shim_has_one_thread_and_only_its_own_descriptors(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000", stdin=True)
        await container.start()
        shim = container.bootstrap.pid
        assert len(os.listdir(f"/proc/{shim}/task")) == 1
        await container.passed_on()
        opened = descriptors(shim)
        bundle = re.sub(r"\d+", "N", str(container.bundle))
        assert opened.pop("/dev/null") == 3
        assert opened.pop("anon_inode:[eventpoll]") == 1
        assert opened.pop("pipe:[N]") == 5  # the wakeup of signals, both ends; stdin, stdout, stderr
        assert opened.pop("socket:[N]") in (2, 3)  # the listener, our connection, the one for events
        watches = {"anon_inode:inotify", "anon_inode:[eventfd]"}
        assert set(opened) <= {f"{bundle}/{name}" for name in ("stdin", "stdout", "stderr")} | watches
        assert descriptors(containerd.launcher.pid)["socket:[N]"] == 1
        await container.end()

    scenario(test)


def test_containers_get_no_descriptor_of_the_shim(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        assert sorted(os.listdir(f"/proc/{container.pid}/fd")) == ["0", "1", "2"]
        await container.end()

    scenario(test)


def test_names_in_ps(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        shown = read(f"/proc/{container.bootstrap.pid}/cmdline").rstrip(b"\0").split(b"\0")
        expected = [
            "containerd-shim-runc-v2",
            "-namespace",
            "test",
            "-id",
            container.id,
            "-address",
            containerd.address,
        ]
        assert [word.decode() for word in shown] == expected
        assert read(f"/proc/{container.bootstrap.pid}/comm") == b"containerd-shim\n"
        template = read(f"/proc/{containerd.launcher.pid}/cmdline").rstrip(b"\0").split(b"\0")
        assert template[:1] == [b"containerd-shim-template"]
        await container.end()

    scenario(test)


def test_the_program_file_of_shims_cannot_be_written(scenario):
    """CVE-2019-5736: a container that reaches /proc/PID/exe of what joins it must not be able to change it."""

    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        for pid in (container.bootstrap.pid, containerd.launcher.pid):
            descriptor = os.open(f"/proc/{pid}/exe", os.O_PATH)
            assert os.fstatvfs(descriptor).f_flag & os.ST_RDONLY
            os.close(descriptor)
        await container.end()

    scenario(test)


def test_sockets_are_files_in_a_closed_folder(scenario):
    """CVE-2020-15257."""

    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        path = container.bootstrap.address.removeprefix("unix://")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        folder = os.stat(os.path.dirname(path))
        assert (stat.S_IMODE(folder.st_mode), folder.st_uid) == (0o700, 0)
        await container.end()

    scenario(test)


def test_the_template_ends_with_containerd_and_shims_live_on(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        await container.start()
        template = containerd.launcher.pid
        containerd.launcher._channel.close()
        containerd.launcher._reading = False
        wait_until(lambda: os.waitid(os.P_PID, template, os.WEXITED | os.WNOWAIT | os.WNOHANG), "the template's end")
        assert (await container.client.state(container.process)).status == messages.RUNNING
        await container.end()

    scenario(test)


def test_requests_by_the_hundred_wait_for_a_slow_template(scenario):
    """More than its socket holds."""

    async def test(containerd):
        async with asyncio.TaskGroup() as group:
            with processes.stopped(containerd.launcher.pid):
                for number in range(300):
                    bundle = containerd.folder / f"n{number}"
                    bundle.mkdir()
                    request = ShimRequest(namespace="test", id=bundle.name, bundle=str(bundle), **containerd.names)
                    group.create_task(containerd.launcher.delete(request))
                await asyncio.sleep(0)

    scenario(test)


def test_the_kernel_would_kill_a_shim_before_containerd(scenario):
    async def test(containerd):
        container = await containerd.container("/bin/sleep", "1000")
        ours = int(read(f"/proc/{containerd.launcher.pid}/oom_score_adj"))
        assert int(read(f"/proc/{container.bootstrap.pid}/oom_score_adj")) == min(ours + 1, 1000)
        await container.end()

    scenario(test)


def test_a_template_that_is_killed_in_its_rehearsal_leaves_no_process(short_folder):
    """What it plays a container with waited for ten seconds."""
    address = f"{short_folder}/k.sock"
    others = ExecLauncher("/bin/false", str(CHECKOUT / "none"))

    async def start_and_kill(moment):
        launcher = TemplateLauncher(address, others)
        await asyncio.sleep(moment)
        os.kill(launcher.pid, signal.SIGKILL)
        await launcher.close()

    for number in range(12):
        asyncio.run(start_and_kill(0.15 + number * 0.04))
        wait_until(lambda: not processes.mentioning(address), "the end of all its processes", 3)

    async def start_and_use():
        (short_folder / "r99999999").mkdir()  # of a template that died with its containerd
        bundle = short_folder / "none"
        bundle.mkdir()
        request = ShimRequest(namespace="test", id="none", bundle=str(bundle), address=address, ttrpc_address=address)
        launcher = TemplateLauncher(address, others)
        await launcher.delete(request)  # is answered after the rehearsal
        await launcher.close()

    asyncio.run(start_and_use())
    assert not [name for name in os.listdir(short_folder) if re.fullmatch(r"r\d+", name)]


def test_a_template_whose_folder_is_removed_ends_with_containerd(short_folder):
    """Its rehearsal fails in one way or another: soon, or after the five seconds that a shim's last events may take."""
    for moment in range(6):
        place = short_folder / f"gone{moment}"
        place.mkdir()
        launcher = TemplateLauncher(f"{place}/c.sock", ExecLauncher("/bin/false", str(CHECKOUT / "none")))
        rehearsal = place / f"r{launcher.pid}"
        wait_until(rehearsal.exists, "the rehearsal")
        time.sleep(moment / 100)
        shutil.rmtree(place, ignore_errors=True)
        launcher._channel.close()  # as when containerd is killed
        launcher._process.wait(15 * SLOWNESS)
        asyncio.run(launcher.close())
        shutil.rmtree(place, ignore_errors=True)


def test_a_launcher_ends_without_its_template_s_rehearsal(short_folder):
    """As a daemon that refuses to start: it waited for some seconds, with its one sentence said at the end."""
    place = short_folder / "refused"
    place.mkdir()
    launcher = TemplateLauncher(f"{place}/c.sock", ExecLauncher("/bin/false", str(CHECKOUT / "none")))
    wait_until((place / f"r{launcher.pid}").exists, "the rehearsal")
    os.kill(launcher.pid, signal.SIGSTOP)  # one that would never end by itself
    asyncio.run(asyncio.wait_for(launcher.close(), 10))
    assert not os.path.exists(f"/proc/{launcher.pid}")
    assert not [name for name in os.listdir(place) if re.fullmatch(r"r\d+", name)]


def test_who_asks_a_launcher_that_ends_is_refused(scenario):
    """No other template is started for it."""

    async def test(containerd):
        request = ShimRequest(namespace="test", id="late", bundle=str(containerd.folder), **containerd.names)
        with processes.stopped(containerd.launcher.pid):
            asked = asyncio.create_task(containerd.launcher.launch(request))
            await asyncio.sleep(0)
            closing = asyncio.create_task(containerd.launcher.close())
            with pytest.raises(Unavailable, match="start shim late: its launcher has ended"):
                await asked
        await closing

    scenario(test)

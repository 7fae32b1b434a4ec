"""Our shim holds sandboxes for the original containerds, as 1.7's own shim does for 1.7."""

import pytest

from slipway.base.errors import EngineError
from tests.support import processes
from tests.support.sandbox_api import RUNTIME, SandboxApi, described
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]


def shims_of(name):
    return [process for process in processes.mentioning(f"-id {name} ") if "shim" in process.command]


def shown(act, *arguments, **fields):
    """What a call answers. 1.7 does what it is asked, and then fails to publish an event whose topic is malformed."""
    try:
        return act(*arguments, **fields)
    except EngineError as error:
        if "sandboxes/" not in str(error):
            raise
        return None


def test_a_sandbox_with_a_container(containerd, rootfs, name):
    api = SandboxApi(containerd.address, containerd.namespace)
    api.store("create", sandbox=described(name, RUNTIME))
    shown(api.controller, "create", name, sandbox=described(name, RUNTIME))
    shown(api.controller, "start", name)
    status = api.controller("status", name)
    assert (status.sandbox_id, status.state) == (name, "SANDBOX_READY")
    task = f"{name}-task"
    created = containerd.ctr("container", "create", "--rootfs", str(rootfs), task, "/bin/sleep", "1000")
    assert created.returncode == 0, created.stderr
    api.put_into(task, name)
    started = containerd.ctr("task", "start", "-d", task)
    assert started.returncode == 0, started.stderr
    done = containerd.ctr("task", "exec", "--exec-id", "e", task, "/bin/echo", "inside")
    assert done.stdout == "inside\n"
    if containerd.suite == "trixie":  # 2.1 has each container's shim started, and asks it whether it is one with others
        assert not shims_of(task)
    containerd.ctr("task", "kill", "-s", "KILL", task)
    wait_until(lambda: "STOPPED" in containerd.ctr("task", "ls").stdout, "the task to stop")
    assert "137" in containerd.ctr("task", "rm", task).stderr
    containerd.ctr("container", "rm", task)
    api.controller("stop", name)
    assert api.controller("status", name).state == "SANDBOX_NOTREADY"
    api.controller("shutdown", name)
    wait_until(lambda: not shims_of(name), "the shim to end")
    api.store("delete", sandbox_id=name)

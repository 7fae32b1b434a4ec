"""Lives of a container without a container, played by a process before it forks the first run of runc.

Python specialises code while it runs, and fills caches: a forked child would do that anew each time, in copies of its
own of the pages. Here the whole of `create`, `exec`, `kill`, `start` and `delete` runs, but for what only init and
the processes that join do in their children: those are pretended, and no namespace, mount or control group is made.
docs/decisions/hot-path.md has the numbers.
"""

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import os

from slipway.base import json_text
from slipway.base.errors import InternalError
from slipway.contracts.oci.runtime import resources_from_json
from slipway.linux import cgroups, prctl
from slipway.runc.confine import cgroups as confine_cgroups
from slipway.runc.main import main
from slipway.runc.plan.cgroup_v1 import plan_limits_v1
from slipway.runc.process import handshake
from slipway.runc.process.handshake import Channel
from slipway.runc.process.init import InitRequest
from slipway.runc.process.join import JoinRequest
from slipway.runc.process.stage import Stage
from slipway.runc.spec.example import example_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from slipway.base.json_text import Json

ENOUGH = 4
"""Lives, of some 20 ms: Python 3.11 specialises a function after eight calls, and most are called twice in a life."""

_NAME = "rehearsal"
_LONGEST = 10  # seconds that a pretended process waits, when a rehearsal has broken off
_LIMITS: "dict[str, Json]" = {"memory": {"limit": 1 << 26, "reservation": 1 << 25}, "pids": {"limit": 100}}
_NAMESPACES = ("mount", "uts", "ipc")  # a PID namespace would be made by this process


def rehearse(folder: str, times: int) -> None:
    """Play `times` lives in `folder`, which is empty; it is the caller's to remove. Raises EngineError, OSError.

    This process is a subreaper and dumpable afterwards, and its descriptors from 3 on are closed by exec(2). Processes
    that a rehearsal leaves because it broke off end within ten seconds.
    """
    bundle, root = f"{folder}/bundle", f"{folder}/state"
    os.makedirs(f"{bundle}/rootfs", 0o700)
    _write(f"{bundle}/config.json", _configuration())
    _write(f"{bundle}/process.json", _configuration()["process"])
    stage = Stage(cgroups.Hierarchies(False, {}), _pretend_init, _pretend_join)
    try:
        for _ in range(times):
            _live(root, bundle, stage)
            _use_groups(f"{folder}/groups")
    finally:
        prctl.set_dumpable(True)


def _live(root: str, bundle: str, stage: Stage) -> None:
    pid_file = f"{bundle}/pid"
    _run(stage, root, "create", "--bundle", bundle, "--pid-file", pid_file, _NAME)
    init = _number(pid_file)
    _run(stage, root, "exec", "--process", f"{bundle}/process.json", "--detach", "--pid-file", pid_file, _NAME)
    os.waitpid(_number(pid_file), 0)
    _run(stage, root, "kill", _NAME, "0")
    _run(stage, root, "start", _NAME)
    os.waitpid(init, 0)
    _run(stage, root, "delete", _NAME)


def _run(stage: Stage, root: str, *words: str) -> None:
    status = main(["--root", root, *words], stage)
    if status:
        raise InternalError(f"rehearse runc {words[0]}: it ended with {status}")


def _configuration() -> "dict[str, Json]":
    """Much as dockerd's, but for the filter: compiling that would take longer than all else."""
    spec = example_spec()
    process, linux = spec["process"], spec["linux"]
    assert isinstance(process, dict)
    assert isinstance(linux, dict)
    process["terminal"] = False
    del process["rlimits"]
    linux |= {
        "namespaces": [{"type": kind} for kind in _NAMESPACES],
        "seccomp": {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [{"names": ["read", "write", "execve"], "action": "SCMP_ACT_ALLOW"}],
        },
    }
    return spec


def _pretend_init(request: InitRequest, channel: Channel) -> "NoReturn":
    """Wants nothing that needs a kernel, waits at the fifo, and ends where init executes its program."""
    _die_with_the_rehearsal()
    channel.wait_go()
    channel.send(handshake.READY)
    channel.wait_go()
    channel.close()
    fifo = os.open(f"/proc/self/fd/{request.fifo}", os.O_WRONLY)
    os.write(fifo, b"0")
    os._exit(0)


def _pretend_join(_: JoinRequest, channel: Channel) -> "NoReturn":
    _die_with_the_rehearsal()
    channel.wait_go()
    channel.send(handshake.READY)
    channel.wait_go()
    os._exit(0)


def _die_with_the_rehearsal() -> None:
    """At the latest: whoever waits for us may be killed."""
    _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
    _signal.alarm(_LONGEST)
    prctl.set_parent_death_signal(_signal.SIGKILL)


def _use_groups(folder: str) -> None:
    """Of folders and files that the kernel knows nothing of."""
    groups = {name: f"{folder}/{name}/{_NAME}" for name in ("memory", "pids")}
    points = {name: f"{folder}/{name}" for name in groups}
    confine_cgroups.make_groups(groups, points)
    writes = plan_limits_v1(resources_from_json(_LIMITS))
    for group in groups.values():
        for file in ("tasks", "cgroup.procs", *(write.file for write in writes)):
            _write(f"{group}/{file}", None)
    confine_cgroups.apply_limits(groups, writes)
    confine_cgroups.join_groups(groups)
    for group in groups.values():
        for file in os.listdir(group):
            os.unlink(f"{group}/{file}")
    confine_cgroups.remove_groups(groups, 0)
    confine_cgroups.remove_groups({"": folder}, 0)


def _write(path: str, value: "Json") -> None:
    with open(path, "wb") as file:
        file.write(json_text.dumps(value).encode())


def _number(path: str) -> int:
    with open(path, "rb") as file:
        return int(file.read())

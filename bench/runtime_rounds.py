"""Runs inside a tree of tools/peers, by its Python: ours, runc and crun in turn. Prints a JSON line for each round.

    python3 -I -S runtime_rounds.py SOURCES FOLDER ROUNDS GROUP...

`cold` starts each program by path. Elsewhere ours is called as our shim calls it: a process that has it loaded forks,
and the child runs its main. FOLDER, on one file system for all, holds bundles and states.
"""

import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

SOURCES, FOLDER, ROUNDS, GROUPS = "", "", 0, [""]
if __name__ == "__main__":
    SOURCES, FOLDER, ROUNDS, GROUPS = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    sys.path.insert(0, SOURCES)

from slipway.contracts.oci import capabilities, defaults  # noqa: E402
from slipway.contracts.oci.seccomp import default_seccomp  # noqa: E402
from slipway.linux import cgroups, executable, immortal, subreaper  # noqa: E402
from slipway.runc.confine import cgroups as confine  # noqa: E402
from slipway.runc.main import main as runc_main  # noqa: E402
from slipway.runc.plan.cgroup_paths import plan_cgroups  # noqa: E402
from slipway.runc.preload import preload  # noqa: E402
from slipway.runc.rehearsal import ENOUGH, rehearse  # noqa: E402
from slipway.runc.spec.example import example_spec  # noqa: E402

LAUNCHER = """#!/bin/sh
''':'
kept={folder}/kept/usr/bin/python3
[ "$kept" -ef /usr/bin/python3 ] || kept=/usr/bin/python3
exec "$kept" -I -S "$0" "$@"
'''
import sys
sys.path.insert(0, {sources!r})
from slipway.launch.runc import main
main("{folder}/kept")
"""
MANY = 50
PROGRAMS = {"ours": f"{FOLDER}/runc", "original": "/usr/sbin/runc", "crun": "/usr/bin/crun"}
NAME = os.path.basename(FOLDER)
MEMORY = f"/sys/fs/cgroup/memory/{NAME}"


def start(who: str, *words: str, warm: bool, group: str = "") -> int:
    """The pid of one command of a runtime, with nothing on its standard streams."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if group:
            cgroups.join(group)
        nothing = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        arguments = ["--root", f"{FOLDER}/state-{who}", *words]
        if who == "ours" and warm:
            os._exit(runc_main(arguments))
        os.execv(PROGRAMS[who], [PROGRAMS[who], *arguments])
    finally:
        os._exit(255)


def run(who: str, *words: str, warm: bool = True) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(start(who, *words, warm=warm), 0)[1])
    if status:
        raise SystemExit(f"{who} {' '.join(words)} ended with {status}")


def bundle(*program: str) -> str:
    """A bundle as dockerd makes them: default mounts, masks, capabilities and seccomp filter."""
    path = f"{FOLDER}/{program[0].rpartition('/')[2]}"
    if not os.path.exists(path):
        os.makedirs(f"{path}/rootfs/bin")
        os.link(f"{FOLDER}/busybox", f"{path}/rootfs{program[0]}")
        spec: dict[str, Any] = example_spec()
        spec["process"] |= {"terminal": False, "args": [*program]}
        spec["mounts"] = defaults.default_mounts()
        spec["linux"] |= {"namespaces": defaults.default_namespaces(), "maskedPaths": [*defaults.MASKED_PATHS]}
        spec["linux"]["resources"] = {"devices": defaults.default_device_rules()}
        kernel = tuple(int(number) for number in platform.release().split(".")[:2])
        granted = frozenset(capabilities.DEFAULT_CAPABILITIES)
        spec["linux"]["seccomp"] = default_seccomp(granted, platform.machine(), (kernel[0], kernel[1]))
        with open(f"{path}/config.json", "w") as file:
            json.dump(spec, file)
    return path


def cold(who: str, number: int) -> float:
    return timed(lambda: run(who, "run", "--bundle", bundle("/bin/true"), f"{who}-{number}", warm=False))


def life(who: str, number: int) -> float:
    def whole() -> None:
        container, pid_file = f"{who}-{number}", f"{FOLDER}/pid"
        run(who, "create", "--bundle", bundle("/bin/true"), "--pid-file", pid_file, container)
        run(who, "start", container)
        with open(pid_file) as file:
            os.waitpid(int(file.read()), 0)
        run(who, "delete", container)

    return timed(whole)


def execution(who: str, number: int) -> float:
    container = f"{who}-sleeper"
    if number == 0:
        run(who, "create", "--bundle", bundle("/bin/sleep", "1000"), container)
        run(who, "start", container)
    seconds = timed(lambda: run(who, "exec", container, "/bin/sleep", "0"))
    if number == ROUNDS - 1:
        run(who, "delete", "--force", container)
    return seconds


def at_once(who: str, number: int) -> list[float]:
    """Seconds, and (v1) the peak of memory in bytes: of the commands, and of the containers' processes that wait."""
    group = f"{MEMORY}/{who}" if os.path.isdir(MEMORY) else ""
    if group:
        cgroups.make(group)
    names = [f"{who}-{number}-{index}" for index in range(MANY)]
    path = bundle("/bin/true")

    def whole() -> None:
        commands = [start(who, "create", "--bundle", path, name, warm=True, group=group) for name in names]
        if any(os.waitpid(pid, 0)[1] for pid in commands):
            raise SystemExit(f"one of {MANY} creates of {who} failed")

    seconds = timed(whole)
    peak = [int(cgroups.read(group, "memory.max_usage_in_bytes"))] if group else []
    for name in names:
        run(who, "delete", "--force", name)
    if group:
        cgroups.remove(group, 10.0)
    return [seconds, *peak]


def timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def enter_groups() -> None:
    """Groups of our own, below which all containers' are made: what is left of them can be found."""
    points = cgroups.discover().points
    groups = plan_cgroups(f"/{NAME}", "", points, {})
    confine.make_groups(groups, points)
    for group in groups.values():
        if os.path.exists(group):
            cgroups.join(group)


def main() -> None:
    if not executable.is_unwritable():
        executable.execute_readonly(sys.orig_argv, os.environ)
    with open(PROGRAMS["ours"], "w") as file:
        file.write(LAUNCHER.format(folder=FOLDER, sources=SOURCES))
    os.chmod(PROGRAMS["ours"], 0o755)
    enter_groups()
    subreaper.become_subreaper()
    preload()
    os.mkdir(f"{FOLDER}/rehearsal")
    rehearse(f"{FOLDER}/rehearsal", ENOUGH)
    gc.collect()
    immortal.make_all_immortal()
    gc.freeze()
    kinds = {"cold": cold, "life": life, "exec": execution, "at-once": at_once}
    for group in GROUPS:
        for number in range(ROUNDS):
            for who in PROGRAMS:
                print(json.dumps([group, who, kinds[group](who, number)]), flush=True)


if __name__ == "__main__":
    main()

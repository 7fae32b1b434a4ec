"""What limits a process, refused or warned about: the original runc 1.3 and ours say the same of one specification."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.linux import cgroups
from slipway.runc.spec.example import example_spec
from tests.support import peers
from tests.support.busybox import busybox_program
from tests.support.our_runc import write_launcher
from tests.support.paths import CHECKOUT

pytestmark = [pytest.mark.root, pytest.mark.peers]

Spec = dict[str, Any]
# Where a thing is found wrong: the original looks at some of it only in its init.
PLACES = re.compile(r"unable to start container process: |error during container init: |unable to init seccomp: ")


def process(**fields: Any) -> Callable[[Spec], None]:
    return lambda spec: spec["process"].update(fields)


def linux(**fields: Any) -> Callable[[Spec], None]:
    return lambda spec: spec["linux"].update(fields)


def hook(kind: str, script: str, **extra: Any) -> Callable[[Spec], None]:
    one = {"path": "/bin/sh", "args": ["sh", "-c", script], **extra}
    return lambda spec: spec.update(hooks={kind: [{"path": "/bin/true"}, one]})


def capabilities(**sets: list[str]) -> Callable[[Spec], None]:
    return lambda spec: spec["process"]["capabilities"].update(sets)


def seccomp(action: str = "SCMP_ACT_ERRNO", *names: str, **extra: Any) -> Callable[[Spec], None]:
    rule = {"names": names or ["mkdir"], "action": action}
    return linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule], **extra})


# Not here: what the specification demands to be refused and runc 1.3 takes (docs/decisions/runtime-processes.md).
CASES: dict[str, Callable[[Spec], None]] = {
    "nothing wrong": lambda _: None,
    "personality": linux(personality={"domain": "BSD"}),
    "selinux": process(selinuxLabel="system_u:system_r:container_t:s0"),
    "cache": linux(intelRdt={"l3CacheSchema": "L3:0=f"}),
    "bandwidth": linux(intelRdt={"memBwSchema": "MB:0=10"}),
    "kind of limit": process(rlimits=[{"type": "RLIMIT_X", "soft": 1, "hard": 1}]),
    "soft limit": process(rlimits=[{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]),
    "unknown capabilities": capabilities(bounding=["CAP_NEW", "CAP_KILL", "CAP_OTHER"], permitted=["CAP_NEW"]),
    "ambient capability": capabilities(ambient=["CAP_KILL"], inheritable=[]),
    "policy": process(scheduler={"policy": "SCHED_X"}),
    "no policy": process(scheduler={"nice": 3}),
    "nice": process(scheduler={"policy": "SCHED_OTHER", "nice": 40}),
    "priority": process(scheduler={"policy": "SCHED_BATCH", "priority": 4}),
    "times": process(scheduler={"policy": "SCHED_OTHER", "runtime": 4}),
    "scheduler's flag": process(scheduler={"policy": "SCHED_OTHER", "flags": ["SCHED_X"]}),
    "no real time": process(scheduler={"policy": "SCHED_FIFO", "priority": 0}),
    "io class": process(ioPriority={"class": "IOPRIO_X", "priority": 3}),
    "io priority": process(ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 9}),
    "prestart": hook("prestart", "echo out; echo err >&2; exit 3"),
    "createRuntime": hook("createRuntime", "exit 3"),
    "createContainer": hook("createContainer", "kill -9 $$"),
    "poststart": hook("poststart", "exit 3"),
    "time": hook("createRuntime", "exec sleep 100", timeout=1),
    "no hook": lambda spec: spec.update(hooks={"prestart": [{"path": "/nope"}]}),
    "action": seccomp("SCMP_ACT_X"),
    "operator": linux(
        seccomp={
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [
                {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_X"}]}
            ],
        }
    ),
    "architecture": seccomp(architectures=["SCMP_ARCH_X"]),
    "filter's flag": seccomp(flags=["SECCOMP_FILTER_FLAG_X"]),
    "unknown call": seccomp("SCMP_ACT_ERRNO", "no_such_call"),
    "empty call": seccomp("SCMP_ACT_ERRNO", ""),
    "announced by default": linux(seccomp={"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/nope"}),
    "announced write": seccomp("SCMP_ACT_NOTIFY", "write", listenerPath="/nope"),
    "no listener": seccomp("SCMP_ACT_NOTIFY"),
    "no agent": seccomp("SCMP_ACT_NOTIFY", listenerPath="/nope"),
    "no abstract agent": seccomp("SCMP_ACT_NOTIFY", listenerPath="@slipway-nobody"),
}

RUN_ALL = """
for bundle in "$2"/[0-9]*; do
    timeout 30 "$1" --root "$2/root" run --bundle "$bundle" "p$(basename "$bundle")" </dev/null >"$bundle/$3" 2>&1
    echo "status $?" >>"$bundle/$3"
done
"""


@pytest.fixture(scope="module")
def answers(short_folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """Of each case what the original and ours print, and their status."""
    folder = short_folder / "words"
    group = f"slipway-{short_folder.name}-words"
    rootfs = folder / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    shutil.copy(busybox_program(), rootfs / "bin/true")
    for number, change in enumerate(CASES.values()):
        spec: Spec = example_spec()
        spec["process"] |= {"terminal": False, "args": ["true"]}
        spec["root"] = {"path": str(rootfs)}
        spec["linux"]["cgroupsPath"] = f"/{group}/{number}"
        change(spec)
        (folder / str(number)).mkdir()
        (folder / f"{number}/config.json").write_text(json.dumps(spec))
    peers.install("sid")
    try:
        for side, program in (("original", "/usr/sbin/runc"), ("ours", str(write_launcher(folder / "program")))):
            argv = ["bash", "-c", RUN_ALL, "run", program, str(folder), side]
            command, environment = peers.enter("sid", *argv, share=folder, bind=(CHECKOUT,))
            subprocess.run(command, env=environment, timeout=300, check=True)
        texts = [
            tuple((folder / f"{n}/{side}").read_text() for side in ("original", "ours")) for n in range(len(CASES))
        ]
        yield {name: (first, second) for name, (first, second) in zip(CASES, texts, strict=True)}
    finally:
        for point in dict.fromkeys(cgroups.discover().points.values()):
            cgroups.remove(f"{point}/{group}", 10.0)
        peers.forget_share("sid", folder)


@pytest.mark.parametrize("case", CASES)
def test_the_same_words_and_status(answers: dict[str, tuple[str, str]], case: str) -> None:
    original, ours = (PLACES.sub("", re.sub(r'time="[^"]*" ', "", text)) for text in answers[case])
    assert ours == original

"""What each kind of container is and may: ids, capabilities, mounts, masked files, device nodes, by run and by exec,
with every client on both engines."""

import shlex

import pytest

from tests.support import docker
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine
from tests.system.harness import difference, play, scenario
from tests.system.scenarios.confinement import MAKE_AND_OPEN, MASKED, READ_ONLY

SCRIPT = "\n".join(
    (
        'grep -E "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters):" /proc/self/status',
        "awk '{split($4, options, \",\"); print $2, $3, options[1]}' /proc/mounts | sort",
        f"for f in {MASKED}; do echo $f $(cat $f/* $f 2>/dev/null | head -c 100000 | wc -c | grep -c '^0'); done",
        f"for f in {READ_ONLY}; do [ -d $f ] && f=$f/x; (: >>$f) 2>/dev/null && echo written $f; done",
        MAKE_AND_OPEN.strip("'"),
        "for n in m u i n p U C; do unshare -$n true 2>/dev/null && echo unshared $n; done",
        "mkdir -p /t; for kind in tmpfs proc; do mount -t $kind none /t 2>/dev/null && echo mounted $kind; done",
        "echo 0 > /proc/sys/kernel/domainname 2>/dev/null && echo named; dmesg >/dev/null 2>&1 && echo dmesg",
    )
)
KINDS = {
    "default": "",
    "privileged": "--privileged",
    "all capabilities": "--cap-add ALL",
    "no capabilities": "--cap-drop ALL",
    "no filter": "--security-opt seccomp=unconfined",
    "no filter and all capabilities": "--security-opt seccomp=unconfined --cap-add ALL",
    "a user": "-u 1000:1000",
    "no new privileges": "--security-opt no-new-privileges",
    "read only": "--read-only",
    "the host's namespaces": "--pid host --ipc host --uts host",
}
SAMPLE = ("default",)


@pytest.mark.parametrize(
    "kind", [*SAMPLE, *(pytest.param(kind, marks=pytest.mark.matrix) for kind in KINDS if kind not in SAMPLE)]
)
def test_a_kind_of_container_is_and_may_what_the_original_s_may(
    kind: str, ours: OurEngine, original: OriginalEngine
) -> None:
    quoted, flags = shlex.quote(SCRIPT), KINDS[kind]
    life = scenario(
        kind,
        f"run --rm --network none {flags} busybox sh -c {quoted}",
        f"run -d --name box --network none {flags} busybox sleep 60",
        f"exec box sh -c {quoted}",
        f"exec -u 33 box sh -c {quoted}",
        f"exec --privileged box sh -c {quoted}",
    )
    expected = play(life, docker.theirs(original.host))
    for client in clients_of(ours):
        assert not (told := difference(expected, play(life, client), client.name)), told


def clients_of(engine: OurEngine) -> tuple[Docker, Docker]:
    return docker.ours(engine.host), docker.theirs(engine.host)

"""Before a number counts: both engines make the same container. `inspect` and the container itself say the same."""

from bench.contestants import Contestant
from tests.support.masks import mask
from tests.system import views

SEEN_INSIDE = (
    "grep -E 'Cap|Seccomp|NoNewPrivs' /proc/self/status; cat /proc/self/limits; cut -d' ' -f2-3 /proc/mounts; "
    "ls /sys/class/net /dev; ls /proc/self/ns; id; umask; ip route | cut -d' ' -f1"
)
# The original's default store is its own (overlay2), ours is containerd's; the same overlay mount either way.
OF_THE_IMAGE_STORE = ("[0].Driver =", "[0].ImageManifestDescriptor =", "[0].GraphDriver =", "[0].Storage")


def differences(contestants: list[Contestant]) -> list[str]:
    """What differs, one line each; empty when all contestants make equal containers."""
    told: list[str] = []
    for options in ((), ("--network", "none")):
        views_of_it = [_what_it_makes(contestant, options) for contestant in contestants]
        for other in views_of_it[1:]:
            told += [f"{' '.join(options)} ours alone: {line}" for line in sorted(views_of_it[0] - other)]
            told += [f"{' '.join(options)} the original alone: {line}" for line in sorted(other - views_of_it[0])]
    return told


def _what_it_makes(contestant: Contestant, options: tuple[str, ...]) -> set[str]:
    client = contestant.client
    client("run", "-d", "--name", "equal", *options, "busybox", "sleep", "60")
    inspected = views.inspect(client("inspect", "equal"))
    client("rm", "-f", "equal")
    inside = client("run", "--rm", *options, "busybox", "sh", "-c", SEEN_INSIDE)
    cgroup_parent = contestant.engine.cgroup_parent  # its own, as the instance is
    told = mask(f"{inspected}\n{inside}", cgroup_parent, contestant.engine.name).splitlines()
    return {line for line in told if not line.startswith(OF_THE_IMAGE_STORE)}

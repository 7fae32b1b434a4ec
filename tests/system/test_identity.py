"""Whom a container runs as: ids and supplementary groups for each form of USER, by run and exec, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker, images
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.peers import OriginalEngine

PASSWD = b"root:x:0:0::/root:/bin/sh\nalice:x:1000:100::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n2000:x:5:5::/:/bin/sh\n"
GROUP = b"root:x:0:root\nusers:x:100:\nstaff:x:50:alice,bob\nvideo:x:44:alice\nwheel:x:10:root\n3000:x:6:alice\n"
SAMPLE = ("alice", "2000")
FORMS = (
    *(
        "alice:staff",
        "alice:",
        "1000",
        "1000:50",
        "1000:staff",
        "bob:0",
        "root",
        "0",
        "0:0",
        ":staff",
        ":50",
        "7777",
        "7777:7777",
    ),
    *("alice:3000", "alice:7777", "nosuch", "alice:nosuch", "-1", "2147483648", ""),
)
ADDED = (("--group-add", "wheel"), ("--group-add", "7"), ("--group-add", "video", "--group-add", "60"))
SHOW = ("grep", "-E", "^(Uid|Gid|Groups|Cap(Prm|Eff)):", "/proc/self/status")


@pytest.fixture(scope="module")
def archive(busybox_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    files: dict[str, bytes | str] = {
        "bin/busybox": images.program_of(busybox_archive),
        "bin/grep": "-> busybox",
        "bin/sleep": "-> busybox",
        "etc/passwd": PASSWD,
        "etc/group": GROUP,
    }
    return images.make(tmp_path_factory.mktemp("who") / "who.tar", "who:latest", files, {"Env": ["PATH=/bin"]})


def with_image(engine: OurEngine | OriginalEngine, archive: Path) -> Iterator[Docker]:
    client = docker.theirs(engine.host)
    client("load", "-i", str(archive))
    yield client
    client.remove_all_containers()
    client.run("rmi", "-f", "who")


@pytest.fixture(scope="module")
def ours_with_image(ours: OurEngine, archive: Path) -> Iterator[Docker]:
    yield from with_image(ours, archive)


@pytest.fixture(scope="module")
def original_with_image(original: OriginalEngine, archive: Path) -> Iterator[Docker]:
    yield from with_image(original, archive)


def told(client: Docker, form: str, verb: str) -> list[str]:
    """Ids, groups and capabilities, or the refusal. The original's lists may name a group twice: a set counts."""
    user = ("-u", form) if form else ()
    if verb == "exec":
        box = client("run", "-d", "--network", "none", "who", "sleep", "1000")
        done = client.run("exec", *user, box, *SHOW)
        client("rm", "-f", box)
    else:
        done = client.run("run", "--rm", "--network", "none", *user, "who", *SHOW)
    lines = [" ".join(sorted(set(line.split()))) for line in done.out.splitlines()]
    return [str(done.status), *lines, *done.err.splitlines()[:1]]


@pytest.mark.parametrize("verb", ["run", "exec"])
@pytest.mark.parametrize("form", [*SAMPLE, *(pytest.param(form, marks=pytest.mark.matrix) for form in FORMS)])
def test_each_form_of_user_is_who_it_is_on_the_original(
    form: str, verb: str, ours_with_image: Docker, original_with_image: Docker
) -> None:
    """CVE-2022-36109: the groups of a name, and the primary one among them."""
    if (form, verb) == ("alice:", "exec"):  # the original gives the group root then; ours, the user's own, as in run
        assert told(ours_with_image, form, verb) == told(ours_with_image, form, "run")
        return
    assert told(ours_with_image, form, verb) == told(original_with_image, form, verb)


@pytest.mark.parametrize("added", ADDED, ids=lambda added: "-".join(added[1::2]))
def test_added_groups_are_those_of_the_original(
    added: tuple[str, ...], ours_with_image: Docker, original_with_image: Docker
) -> None:
    run = ("run", "--rm", "--network", "none", *added, "-u", "alice", "who", *SHOW)
    assert set(ours_with_image(*run).split()) == set(original_with_image(*run).split())

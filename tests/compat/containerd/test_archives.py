"""`ctr images import`, `export` and `tag` with every option: our containerd does as the original one beside it."""

import re
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import images, layouts
from tests.support.peers import OriginalContainerd
from tests.support.sample import of_lines

pytestmark = [pytest.mark.root, pytest.mark.peers]
NAME = "docker.io/library/multi:1"
FOREIGN = "docker.io/library/foreign:1"
# An archive, and how it is imported.
IMPORTS = """
layout |
layout | --all-platforms
layout | --platform linux/OTHER
layout | --base-name docker.io/library/multi
layout | --base-name example.org/other
layout | --base-name docker.io/library/multi --digests
layout | --digests
layout | --digests --skip-digest-for-named
layout | --index-name example.org/index:1
layout | --no-unpack --label one=1 --label two=2
layout | --local
layout | --local --all-platforms --index-name example.org/index:1
layout | --local --discard-unpacked-layers
docker |
docker | --base-name example.org/busybox --digests
docker | --index-name example.org/index:1
docker | --no-unpack
docker | --local --compress-blobs
tags   | --base-name example.org/tags
tags   | --digests
nested | --all-platforms
lacking | --all-platforms
lacking |
"""
# Images, and how they are exported. Of several the original lists in manifest.json in any order.
EXPORTS = """
multi |
multi | --all-platforms
multi | --platform linux/OTHER
multi | --platform linux/OTHER --platform linux/MACHINE
multi | --platform linux/s390x
multi | --skip-manifest-json
multi | --all-platforms --skip-manifest-json
foreign | --skip-non-distributable
foreign |
multi foreign | --skip-manifest-json
absent |
"""


def lines(table: str) -> list[str]:
    return [re.sub(r"\s+", " ", line).strip() for line in table.strip().splitlines()]


def words(text: str) -> list[str]:
    return text.replace("MACHINE", layouts.MACHINE).replace("OTHER", layouts.OTHER).split()


@pytest.fixture(scope="module")
def archives(short_folder: Path) -> dict[str, Path]:
    """By name. Below the folder that both containerds see."""
    folder = Path(tempfile.mkdtemp(prefix="tars", dir=short_folder))
    tags = layouts.Layout()
    tags.list(tags.image(layouts.MACHINE, "a"), ref="latest")
    tags.list(tags.image(layouts.MACHINE, "b"))
    nested = layouts.Layout()
    inner = nested.index(**{layouts.MACHINE: nested.image(layouts.MACHINE, "inner")})
    outer = nested.blob(layouts.INDEX, {"schemaVersion": 2, "mediaType": layouts.INDEX, "manifests": [inner]})
    nested.list(outer, name=NAME, ref="1")
    lacking = layouts.Layout()
    mine, other = (lacking.image(machine, machine) for machine in (layouts.MACHINE, layouts.OTHER))
    lacking.list(lacking.index(**{layouts.MACHINE: mine, layouts.OTHER: other}), name=NAME, ref="1")
    lacking.forget(other)
    foreign = layouts.Layout()
    foreign.list(foreign.image(layouts.MACHINE, "foreign", kind=layouts.FOREIGN), name=FOREIGN, ref="1")
    return {
        "layout": layouts.two_platforms(folder / "layout.tar", NAME),
        "docker": images.make(folder / "docker.tar", "busybox:1", {"hello": b"hello"}, {"Cmd": ["/hello"]}),
        "tags": tags.write(folder / "tags.tar"),
        "nested": nested.write(folder / "nested.tar"),
        "lacking": lacking.write(folder / "lacking.tar"),
        "foreign": foreign.write(folder / "foreign.tar"),
    }


class Side:
    """One containerd: `ctr` on it."""

    def __init__(self, daemon: OurContainerd | OriginalContainerd) -> None:
        self._daemon = daemon

    def try_ctr(self, *arguments: str | Path) -> tuple[int, str, str]:
        if isinstance(self._daemon, OurContainerd):
            ours = self._daemon.ctr(*arguments, check=False)
            return ours.returncode, ours.stdout.decode(), ours.stderr.decode()
        done = self._daemon.ctr(*map(str, arguments))
        return done.returncode, done.stdout, done.stderr

    def ctr(self, *arguments: str | Path) -> str:
        status, output, error = self.try_ctr(*arguments)
        assert not status, error
        return output

    def collect(self) -> None:
        """A collection to its end."""
        self.ctr("leases", "create", "--id", "collect")
        self.ctr("leases", "rm", "--sync", "collect")

    def empty(self) -> None:
        if names := self.ctr("images", "ls", "-q").splitlines():
            self.ctr("images", "rm", "--sync", *names)
        self.collect()
        assert self.ctr("content", "ls", "-q") == ""

    def state(self) -> dict[str, list[str]]:
        """What there is: images, content and snapshots with their labels, but for times and identifiers of a run."""
        self.collect()
        rows = {"images": self.ctr("images", "ls"), "content": self.ctr("content", "ls")}
        rows |= {name: self.ctr("snapshots", "--snapshotter", name, "ls") for name in ("overlayfs", "native")}
        return {name: sorted(map(_without_times, table.splitlines()[1:])) for name, table in rows.items()}


def _without_times(row: str) -> str:
    row = re.sub(r"\s(?:Less than a second|About an? \w+|\d+ \w+)\s", " ", row)
    row = re.sub(r"import-\d{4}-\d\d-\d\d", "import-DATE", row)
    return " ".join(",".join(sorted(word.split(","))) for word in row.split())


def without_unpacking(state: dict[str, list[str]]) -> dict[str, list[str]]:
    """With every platform the original's transfer service unpacks every platform as well, whatever it is asked for."""
    labels = re.compile(r",?containerd\.io/(?:uncompressed|gc\.ref\.snapshot\.\w+)=[^, ]+")
    content = [labels.sub("", row).replace(" ,", " ").removesuffix(" -").strip() for row in state["content"]]
    return {"images": state["images"], "content": content}


@pytest.fixture(scope="module")
def theirs(machine_unchanged: None, short_folder: Path, archives: dict[str, Path]) -> Iterator[Side]:
    folder = Path(tempfile.mkdtemp(prefix="cto", dir=short_folder))
    daemon = OriginalContainerd("sid", folder, bind=(archives["layout"].parent,))
    try:
        yield Side(daemon)
    finally:
        daemon.stop()


@pytest.fixture
def sides(shared: OurContainerd, theirs: Side) -> Iterator[tuple[Side, Side]]:
    both = Side(shared), theirs
    yield both
    for side in both:
        side.empty()


@pytest.mark.parametrize("line", of_lines(lines(IMPORTS), 4))
def test_import(sides: tuple[Side, Side], archives: dict[str, Path], line: str) -> None:
    name, _, options = line.partition(" |")
    states, results = [], []
    for side in sides:
        results.append(side.try_ctr("images", "import", *words(options), archives[name]))
        states.append(side.state())
    (status, _, error), (their_status, _, their_error) = results
    assert status == their_status, (error, their_error)
    if not status:
        if "--all-platforms" in line and "--local" not in line:
            states = list(map(without_unpacking, states))
        assert states[0] == states[1]
    else:
        assert states[0]["images"] == states[1]["images"] == []


@pytest.mark.parametrize("line", of_lines(lines(EXPORTS), 4))
def test_export(sides: tuple[Side, Side], archives: dict[str, Path], line: str) -> None:
    wanted, _, options = line.partition(" |")
    names = [f"docker.io/library/{name}:1" for name in wanted.split()]
    written = []
    for side, who in zip(sides, ("ours", "theirs"), strict=True):
        for name in ("layout", "foreign"):
            side.ctr("images", "import", "--all-platforms", "--no-unpack", archives[name])
        for how in ([], ["--local"]):
            target = archives["layout"].parent / f"{who}{'-local' if how else ''}.tar"
            target.write_bytes(b"")
            status, _, _ = side.try_ctr("images", "export", *how, *words(options), target, *names)
            written.append((status, target.read_bytes() if not status else b""))
    assert written[1:] == written[:-1]


def test_plain_layers_are_compressed_where_that_is_asked(
    sides: tuple[Side, Side], archives: dict[str, Path], tmp_path: Path
) -> None:
    """Two gzip programs make other bytes of the same layer: what is in them is compared."""
    manifests = []
    for side in sides:
        side.ctr("images", "import", "--compress-blobs", archives["docker"])
        side.collect()
        content = side.ctr("content", "ls")
        manifests.append(re.sub(r"sha256:[0-9a-f]{64}|\d+(?:\.\d+)? ?[kK]?i?B", "X", content).count("uncompressed=X"))
        assert "application/vnd.docker.distribution.manifest.v2+json" in side.ctr("images", "ls")
        (target,) = re.findall(r"sha256:[0-9a-f]{64}", side.ctr("images", "ls"))
        assert '"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"' in side.ctr("content", "get", target)
        side.ctr("images", "import", archives["docker"])  # the compressed copy is found and used again
        assert re.findall(r"sha256:[0-9a-f]{64}", side.ctr("images", "ls")) == [target]
    assert manifests[0] == manifests[1] == 1


def test_tag(sides: tuple[Side, Side], archives: dict[str, Path]) -> None:
    states = []
    for side in sides:
        side.ctr("images", "import", "--no-unpack", "--label", "a=b", archives["docker"])
        source = "docker.io/library/busybox:1"
        assert side.ctr("images", "tag", source, "example.org/x:1", "example.org/x:2").split() == [
            "example.org/x:1",
            "example.org/x:2",
        ]
        side.ctr("images", "tag", source, "example.org/x:1")  # again: a transfer moves names
        assert side.try_ctr("images", "tag", "--local", source, "example.org/x:1")[0] == 1
        side.ctr("images", "tag", "--local", "--force", source, "example.org/x:1")
        status, _, error = side.try_ctr("images", "tag", "example.org/none:1", "example.org/y:1")
        assert (status, "not found" in error) == (1, True)
        assert side.try_ctr("images", "tag", source, "Not/A:Reference/")[0] == 1
        side.ctr("images", "tag", "--skip-reference-check", source, "anything goes")
        states.append(side.state())
    assert states[0] == states[1]


def test_an_archive_goes_through_pipes_too(shared: OurContainerd, archives: dict[str, Path]) -> None:
    side = Side(shared)
    shared.ctr("images", "import", "--snapshotter", "native", "-", stdin=archives["layout"].read_bytes())
    assert len(side.ctr("snapshots", "--snapshotter", "native", "ls").splitlines()) == 3
    written = shared.ctr("images", "export", "-", NAME).stdout
    target = archives["layout"].parent / "piped.tar"
    side.ctr("images", "export", "--local", target, NAME)
    assert target.read_bytes() in written  # progress comes on the same output
    with tarfile.open(target) as archive:
        assert "manifest.json" in archive.getnames()
    side.empty()

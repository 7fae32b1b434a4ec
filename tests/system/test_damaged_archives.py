"""Archives that are damaged, sent to load and import: the original's words, a 4xx, no hang, and the next one works."""

import gzip
import io
import json
import os
import tarfile

import pytest

from slipway.base.digests import digest_of
from tests.support import docker
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.system.test_malformed_requests import complaint, send

FILES = tuple((f"folder/file{number}", os.urandom(2000)) for number in range(40))


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


WHOLE = archive(*FILES)
NO_END = WHOLE.rstrip(b"\0") + bytes(-len(WHOLE.rstrip(b"\0")) % 512)
CHECKSUM = WHOLE[:148] + b"0000001\0" + WHOLE[156:]
PACKED = gzip.compress(WHOLE)

# What every engine's client says of it, whichever way it is sent.
DAMAGED = {
    "cut in a header": (WHOLE[:700], "unexpected EOF"),
    "cut in a file": (WHOLE[: len(WHOLE) // 2 + 77], "unexpected EOF"),
    "no tar": (b"this is no tar archive\n" * 100, "invalid tar header"),
    "wrong checksum": (CHECKSUM, "invalid tar header"),
    "gzip cut off": (PACKED[: len(PACKED) // 2], "unexpected EOF"),
    "gzip cut in its header": (PACKED[:12], "unexpected EOF"),
    "less than a block": (b"no tar", "unexpected EOF"),
}
LAYER = archive(("etc/a", b"x"))
MANIFEST = {"Config": "c.json", "RepoTags": ["damaged:1"], "Layers": ["layer.tar"]}


def manifest(**changes: object) -> bytes:
    return json.dumps([{**MANIFEST, **changes}]).encode()


def configuration(*diff_ids: str) -> bytes:
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    layers = {"type": "layers", "diff_ids": diff_ids}
    return json.dumps({"architecture": architecture, "os": "linux", "config": {}, "rootfs": layers}).encode()


# Archives of images whose documents are wrong; what stands in them is the sender's, so is the blame.
WRONG = {
    "no manifest": archive(("c.json", b"{}"), ("layer.tar", LAYER)),
    "manifest is no JSON": archive(("manifest.json", b"{nope")),
    "manifest is empty": archive(("manifest.json", b"")),
    "manifest is an object": archive(("manifest.json", b"{}")),
    "manifest lists numbers": archive(("manifest.json", b"[1]")),
    "configuration is missing": archive(("layer.tar", LAYER), ("manifest.json", manifest())),
    "configuration is no JSON": archive(("c.json", b"{"), ("layer.tar", LAYER), ("manifest.json", manifest())),
    "configuration is outside": archive(("manifest.json", manifest(Config="../../etc/passwd"))),
    "a name that cannot be": archive(("c.json", b"{}"), ("manifest.json", manifest(RepoTags=["BAD"], Layers=[]))),
}
each_damage = pytest.mark.parametrize("what", DAMAGED)


@each_damage
def test_load_says_what_is_wrong(any_engine: Docker, what: str) -> None:
    data, words = DAMAGED[what]
    result = any_engine.run("load", stdin=data)
    assert result.status == 1
    assert words in result.err


@each_damage
def test_import_says_what_is_wrong(any_engine: Docker, what: str) -> None:
    data, words = DAMAGED[what]
    result = any_engine.run("import", "-", "damaged:1", stdin=data)
    assert result.status == 1
    assert words in result.err


@pytest.mark.parametrize("what", WRONG)
def test_documents_that_are_wrong_are_refused(any_engine: Docker, what: str) -> None:
    assert any_engine.run("load", stdin=WRONG[what]).status == 1


@pytest.mark.parametrize("target", ["load", "create?fromSrc=-&repo=damaged"])
def test_the_sender_is_blamed_and_nothing_is_left(ours: OurEngine, target: str) -> None:
    """The original answers 200 or 500, and leaves an image behind when an import fails."""
    bodies = {what: data for what, (data, _) in DAMAGED.items()} | (WRONG if target == "load" else {})
    told = {}
    for what, data in bodies.items():
        told[what] = complaint(*send(ours, "POST", f"/v1.51/images/{target}", "application/x-tar", data))
    assert not {what: why for what, why in told.items() if why}
    assert docker.ours(ours.host)("images", "-q", "damaged") == ""


@pytest.mark.parametrize("data", [NO_END, WHOLE + b"what follows is nobody's business"], ids=["no end", "more"])
def test_an_end_that_is_not_quite_one_will_do(any_engine: Docker, data: bytes) -> None:
    for _ in range(4):  # as often as there are workers to unpack: none may be lost to such an archive
        any_engine("import", "-", "endless:1", stdin=data)
    assert any_engine.run("create", "--name", "box", "endless:1", "x").status == 0
    any_engine("rm", "box")
    any_engine("rmi", "endless:1")


def test_an_image_whose_layer_has_no_end_is_loaded(any_engine: Docker) -> None:
    members = ("c.json", configuration(digest_of(NO_END))), ("layer.tar", NO_END), ("manifest.json", manifest())
    assert any_engine("load", stdin=archive(*members)) == "Loaded image: damaged:1"
    any_engine("rmi", "damaged:1")


def test_bzip2_and_xz_are_read(ours: OurEngine) -> None:
    """The original reads bzip2 itself and asks a program for xz, which its tree lacks here."""
    import bz2
    import lzma

    client = docker.ours(ours.host)
    for data in (bz2.compress(WHOLE), lzma.compress(WHOLE)):
        client("import", "-", "packed:1", stdin=data)
        client("rmi", "packed:1")

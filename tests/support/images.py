"""Image archives for `docker load`: made by the recipes in examples/, kept below .dev/cache; small ones made here."""

import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.kept import compiled, kept
from tests.support.paths import CHECKOUT
from tools.dev import interruptible

EXAMPLES = CHECKOUT / "examples"
CREATED = "2026-01-01T00:00:00Z"  # fixed, so that the same files make the same bytes and the same digests


def busybox() -> Path:
    """`busybox:latest`: a static busybox with a link for each of its programs; its command is `sh`."""
    return _by_recipe("busybox")


def nginx() -> Path:
    """`nginx:latest`, made from the distribution's packages by the recipe that the demo uses."""
    return _by_recipe("nginx")


def _by_recipe(name: str) -> Path:
    """What examples/`name`/build makes, made once for each state of the recipe."""
    recipe = EXAMPLES / name / "build"
    sources = sorted([*EXAMPLES.glob("*.py"), *(path for path in recipe.parent.rglob("*") if path.is_file())])
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    return kept(f"{name}-{key}.tar", lambda target: _run_recipe(recipe, target))


def make(target: Path, tag: str, files: Mapping[str, bytes | str], config: Mapping[str, object]) -> Path:
    """An image of one layer at `target`: `files` maps a path to its bytes, "-> where" for a link, "/" for a folder.

    Every file is executable by all and owned by root. `config` is the OCI image configuration (Cmd, Env, ...).
    """
    layer = _tar([(name, content) for name, content in files.items()])
    diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    image = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "config": dict(config),
        "created": CREATED,
        "history": [{"created": CREATED, "created_by": "slipway tests"}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    image_json = json.dumps(image, separators=(",", ":"), sort_keys=True).encode()
    image_name = f"{hashlib.sha256(image_json).hexdigest()}.json"
    layer_name = f"{diff_id.removeprefix('sha256:')}/layer.tar"
    manifest = [{"Config": image_name, "RepoTags": [tag], "Layers": [layer_name]}]
    archive = [(image_name, image_json), (layer_name, layer), ("manifest.json", json.dumps(manifest).encode())]
    target.write_bytes(_tar(archive))
    return target


def of_program(source: Path, folder: Path) -> Path:
    """An image, called as `source` is, of one static program compiled from that C file; `/proc` beside it."""
    name = source.stem
    files: dict[str, bytes | str] = {name: compiled(source).read_bytes(), "proc/": "/"}
    return make(folder / f"{name}.tar", f"{name}:latest", files, {"Entrypoint": [f"/{name}"]})


def program_of(archive: Path) -> bytes:
    """The static busybox in the archive that `busybox` made."""
    with tarfile.open(archive) as whole:
        manifest = json.load(_member(whole, "manifest.json"))
        with tarfile.open(fileobj=_member(whole, manifest[0]["Layers"][0])) as layer:
            return _member(layer, next(name for name in layer.getnames() if name.endswith("bin/busybox"))).read()


def _member(archive: tarfile.TarFile, name: str) -> io.BytesIO:
    found = archive.extractfile(name)
    assert found is not None, name
    return io.BytesIO(found.read())


def _tar(entries: Sequence[tuple[str, bytes | str]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name.strip("/"))
            entry.mode = 0o755
            if isinstance(content, bytes):
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            elif content.startswith("-> "):
                entry.type, entry.linkname = tarfile.SYMTYPE, content.removeprefix("-> ")
                archive.addfile(entry)
            else:
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o1777 if name.strip("/") == "tmp" else 0o755
                archive.addfile(entry)
    return buffer.getvalue()


def _run_recipe(recipe: Path, target: Path) -> None:
    done = interruptible.run([sys.executable, str(recipe), str(target)])
    if done.returncode:
        raise RuntimeError(f"{recipe} {target} ended with {done.returncode}: {done.stdout[-2000:]}")

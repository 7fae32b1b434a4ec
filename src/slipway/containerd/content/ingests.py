"""The folders of unfinished writes: made, read, listed, removed. Blocks on files."""

import contextlib
import os
import shutil

from slipway.base.errors import NotFound
from slipway.base.files import read_whole, write_atomically
from slipway.containerd.content.layout import ingest_path
from slipway.containerd.content.model import IngestStatus

_SMALL = 64 * 1024
_REMOVING = "removing-"


def make_ingest(root: str, namespace: str, ref: str, *, total: int, expected: str, now: int) -> str:
    """The folder of an ingest, new or resumed. A crash in between leaves a folder that the next call completes."""
    path = ingest_path(root, namespace, ref)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o755)
    if not os.path.exists(f"{path}/startedat"):
        for name, text in (("total", str(total)), ("expected", expected), ("ref", f"{namespace}/{ref}")):
            write_atomically(f"{path}/{name}", text.encode(), mode=0o600, durable=False)
        write_atomically(f"{path}/startedat", str(now).encode(), mode=0o600, durable=False)
    return path


def read_ingest(path: str) -> tuple[str, IngestStatus]:
    """Namespace and status of the ingest in a folder. Raises NotFound for a folder that is none or not complete."""
    try:
        namespace, _, ref = _text(path, "ref").partition("/")
        status = os.stat(f"{path}/data") if os.path.exists(f"{path}/data") else None
        started = int(_text(path, "startedat"))
        return namespace, IngestStatus(
            ref=ref,
            offset=status.st_size if status else 0,
            total=int(_text(path, "total")),
            expected=_text(path, "expected"),
            started_at=started,
            updated_at=status.st_mtime_ns if status else started,
        )
    except (OSError, ValueError) as error:  # also what is no longer readable: it goes with the next collection
        raise NotFound(f"ingest {path}: not found") from error


def list_ingests(root: str, namespace: str) -> list[IngestStatus]:
    """The ingests of one namespace, by ref."""
    found = []
    for name in ingest_names(root):
        with contextlib.suppress(NotFound):
            owner, status = read_ingest(f"{root}/ingest/{name}")
            if owner == namespace:
                found.append(status)
    return sorted(found, key=lambda status: status.ref)


def ingest_names(root: str) -> list[str]:
    """The folders of ingests, whole or not."""
    return [name for name in os.listdir(f"{root}/ingest") if not name.startswith(_REMOVING)]


def remove_ingest(path: str) -> None:
    """Gone at once for whoever looks: a crash leaves what `remove_left` removes. Raises NotFound when there is none."""
    folder, _, name = path.rpartition("/")
    aside = f"{folder}/{_REMOVING}{name}"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        os.rename(path, aside)
    except FileNotFoundError as error:
        raise NotFound(f"ingest {path}: not found") from error
    shutil.rmtree(aside)


def remove_left(root: str) -> None:
    """What a crash left half removed. While nothing else is removed."""
    for name in os.listdir(f"{root}/ingest"):
        if name.startswith(_REMOVING):
            shutil.rmtree(f"{root}/ingest/{name}", ignore_errors=True)


def last_change(path: str) -> int:
    """When an ingest was last written to, or made (nanoseconds since the epoch); 0 for one that is gone."""
    for name in ("data", ""):
        with contextlib.suppress(FileNotFoundError):
            return os.stat(f"{path}/{name}").st_mtime_ns
    return 0


def _text(path: str, name: str) -> str:
    return read_whole(f"{path}/{name}", limit=_SMALL).decode()

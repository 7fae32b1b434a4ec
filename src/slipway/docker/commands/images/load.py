"""docker load and docker import: archives go to the daemon."""

import os

from slipway.base.errors import InvalidArgument
from slipway.docker.command import Command
from slipway.docker.commands.progress_stream import show_progress
from slipway.docker.options.flags import Flag, boolean, text, texts
from slipway.docker.options.platforms import platform_document
from slipway.docker.options.references import parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

_PIECE = 256 * 1024


def _load_flags() -> list[Flag]:
    return [
        text("input", "Read a tar archive, not STDIN", short="i"),
        text("platform", 'Load only this platform, "os[/arch[/variant]]" (e.g., "linux/amd64")'),
        boolean("quiet", "Show no progress", short="q"),
    ]


def _load(session: "Session", options: "Options") -> int:
    if not options["input"] and session.input.is_terminal:
        raise InvalidArgument("requested load from stdin, but stdin is empty")
    query = {}
    if options["quiet"] or not session.output.is_terminal:
        query["quiet"] = "1"
    if options["platform"]:
        query["platform"] = platform_document(options["platform"])
    descriptor = _open(options["input"]) if options["input"] else session.input.descriptor
    response = session.engine.stream("POST", "/images/load", query, body=_pieces(descriptor))
    if response.headers.get("content-type") == "application/json":
        show_progress(response, session.output)
    else:
        while data := response.read():
            session.output.write_bytes(data)
    return 0


def _import_flags() -> list[Flag]:
    return [
        texts("change", "Apply a Dockerfile instruction to the image", short="c"),
        text("message", "Message of the image's history", short="m"),
        text("platform", "Platform of the image"),
    ]


def _import(session: "Session", options: "Options") -> int:
    source, *rest = options.arguments
    is_remote = source.startswith(("http://", "https://"))
    query: dict[str, str | list[str]] = {"fromSrc": source if is_remote else "-"}
    if rest:
        parse_reference(rest[0])
        query["repo"] = rest[0]
    if options["message"]:
        query["message"] = options["message"]
    if options["platform"]:
        query["platform"] = options["platform"].lower()
    if options["change"]:
        query["changes"] = list(options["change"])
    body = None
    if not is_remote:
        body = _pieces(session.input.descriptor if source == "-" else _open(source))
    show_progress(session.engine.stream("POST", "/images/create", query, body=body), session.output)
    return 0


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _pieces(descriptor: int) -> "Iterator[bytes]":
    while data := os.read(descriptor, _PIECE):
        yield data


LOAD = Command(_load, "[OPTIONS]", flags=_load_flags, names=("image load", "load"))
IMPORT = Command(
    _import,
    "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    arguments=(1, 2),
    flags=_import_flags,
    names=("image import", "import"),
)

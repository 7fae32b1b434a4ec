"""docker export and docker commit."""

from slipway.docker.command import Command
from slipway.docker.commands.saving import save_stream
from slipway.docker.options.flags import Flag, boolean, text, texts
from slipway.docker.options.references import parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _export_flags() -> list[Flag]:
    return [text("output", "Write to a file, not to STDOUT", short="o")]


def _export(session: "Session", options: "Options") -> int:
    path = f"/containers/{options.arguments[0]}/export"
    save_stream(session, options["output"], lambda: session.engine.stream("GET", path), "export container")
    return 0


def _commit_flags() -> list[Flag]:
    return [
        text("author", 'Author (e.g., "Ada Lovelace <ada@example.com>")', short="a"),
        texts("change", "Apply a Dockerfile instruction to the image", short="c"),
        text("message", "Message of the commit", short="m"),
        boolean("pause", "Pause the container meanwhile", short="p", default=True),
    ]


def _commit(session: "Session", options: "Options") -> int:
    container, *rest = options.arguments
    query: dict[str, str | list[str]] = {
        "container": container,
        "repo": "",
        "tag": "",
        "comment": options["message"],
        "author": options["author"],
    }
    if rest:
        reference = parse_reference(rest[0])
        query.update(repo=reference.full_name, tag=reference.tag or "latest")
    if options["change"]:
        query["changes"] = list(options["change"])
    if not options["pause"]:
        query["pause"] = "0"
    session.print(session.engine.post("/commit", query)["Id"])
    return 0


EXPORT = Command(
    _export, "[OPTIONS] CONTAINER", arguments=(1, 1), flags=_export_flags, names=("container export", "export")
)
COMMIT = Command(
    _commit,
    "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    arguments=(1, 2),
    flags=_commit_flags,
    names=("container commit", "commit"),
)

"""docker push."""

from slipway.base.errors import InvalidArgument
from slipway.docker.command import Command
from slipway.docker.commands.images.tag_choice import reference_with_tag
from slipway.docker.commands.progress_stream import show_progress
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.options.platforms import platform_document
from slipway.docker.options.shared_flags import quiet
from slipway.docker.settings.credentials import auth_header, load_credentials, registry_of_domain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.options.references import Reference
    from slipway.docker.session import Session

_MISSING = """The index that was to be pushed names images for several platforms, and not all of them are here or in
the registry. Pull the missing ones first, or push one that is here with --platform."""
_INSTEAD = "Not every platform of the image is here: only the one that is was pushed, without the index"


def _flags() -> list[Flag]:
    return [
        boolean("all-tags", "Upload every tag of the repository", short="a"),
        boolean("disable-content-trust", "Do not sign the image", default=True),
        text("platform", "Of a multi-platform image upload this platform alone", default=""),
        quiet("Show only the image's name"),
    ]


def _run(session: "Session", options: "Options") -> int:
    reference = reference_with_tag(session, options)
    if reference.digest:
        raise InvalidArgument("cannot push a digest reference")
    notes: list[str] = []
    try:
        _push(session, options, reference, notes)
    finally:
        for note in notes:
            session.print(note)
    if options["quiet"]:
        session.print(f"{reference.full_name}:{reference.tag}" if reference.tag else reference.full_name)
    return 0


def _push(session: "Session", options: "Options", reference: "Reference", notes: list[str]) -> None:
    query = {"tag": reference.tag} if reference.tag else {}
    if options["platform"]:
        query["platform"] = platform_document(options["platform"])
    credentials = load_credentials(session.config, registry_of_domain(reference.domain))
    response = session.engine.stream(
        "POST",
        f"/images/{reference.full_name}/push",
        query,
        headers=[("X-Registry-Auth", auth_header(credentials))],
    )
    show_progress(response, None if options["quiet"] else session.output, lambda aux: notes.extend(_notes(aux)))


def _notes(aux: "Any") -> list[str]:
    """What is worth a line after the progress."""
    if not isinstance(aux, dict):
        return []
    if aux.get("contentMissing"):
        return ["", _MISSING]
    if aux.get("manifestPushedInsteadOfIndex"):
        index, manifest = (aux.get(name) or {} for name in ("originalIndex", "selectedManifest"))
        return ["", _INSTEAD, f"{index.get('digest', '')} -> {manifest.get('digest', '')}"]
    return []


PUSH = Command(_run, "[OPTIONS] NAME[:TAG]", arguments=(1, 1), flags=_flags, names=("image push", "push"))

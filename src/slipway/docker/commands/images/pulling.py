"""Pulls an image, for `pull` and for `run` where the image is missing."""

from slipway.docker.commands.progress_stream import show_progress
from slipway.docker.options.references import parse_reference
from slipway.docker.settings.credentials import auth_header, load_credentials, registry_of_domain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.session import Session
    from slipway.docker.terminal.streams import Output


def pull_image(
    session: "Session", name: str, *, platform: str = "", every_tag: bool = False, output: "Output | None"
) -> None:
    """Have the daemon pull `name` and show how it goes on `output`. Raises EngineError."""
    reference = parse_reference(name)
    tag = reference.digest or ("" if every_tag else reference.tag or "latest")
    query = {"fromImage": reference.full_name, "tag": tag}
    if platform:
        query["platform"] = platform.lower()
    credentials = load_credentials(session.config, registry_of_domain(reference.domain))
    response = session.engine.stream(
        "POST", "/images/create", query, headers=[("X-Registry-Auth", auth_header(credentials))]
    )
    show_progress(response, output)

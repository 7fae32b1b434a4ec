"""docker pull."""

from slipway.docker.command import Command
from slipway.docker.commands.images.pulling import pull_image
from slipway.docker.commands.images.tag_choice import reference_with_tag
from slipway.docker.options.flags import Flag, boolean, text
from slipway.docker.options.shared_flags import quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("all-tags", "Download every tag of the repository", short="a"),
        boolean("disable-content-trust", "Do not verify the image's signature", default=True),
        text("platform", "Platform to choose from a multi-platform image", default=""),
        quiet("Show only the image's name"),
    ]


def _run(session: "Session", options: "Options") -> int:
    reference = reference_with_tag(session, options)
    platform = options["platform"] or session.environment.get("DOCKER_DEFAULT_PLATFORM", "")
    pull_image(
        session,
        reference.text,
        platform=platform,
        every_tag=options["all-tags"],
        output=None if options["quiet"] else session.output,
    )
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    session.print(f"{reference.domain}/{reference.path}{tag}{digest}")
    return 0


PULL = Command(_run, "[OPTIONS] NAME[:TAG|@DIGEST]", arguments=(1, 1), flags=_flags, names=("image pull", "pull"))

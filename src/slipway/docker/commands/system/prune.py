"""docker system prune."""

from slipway.base.errors import InvalidArgument
from slipway.docker.command import Command
from slipway.docker.commands.confirmation import confirm
from slipway.docker.commands.containers.prune import prune_containers
from slipway.docker.commands.images.prune import prune_images
from slipway.docker.commands.networks.remove import prune_networks
from slipway.docker.commands.volumes.remove import prune_volumes
from slipway.docker.options.flags import Flag, boolean, filters
from slipway.docker.options.shared_flags import without_question
from slipway.docker.output.units import decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("all", "Remove all unused images, not only dangling ones", short="a"),
        filters('Remove only what these conditions allow (e.g. "label=<key>=<value>")', short=""),
        without_question(),
        boolean("volumes", "Remove anonymous volumes too"),
    ]


def _run(session: "Session", options: "Options") -> int:
    conditions = list(options["filter"])
    if options["volumes"] and any(name == "until" for name, _ in conditions):
        raise InvalidArgument('ERROR: The "until" filter is not supported with "--volumes"')
    if not options["force"]:
        confirm(session, _question(options, conditions), "system prune")
    removed = prune_containers(session, conditions)
    prune_networks(session, conditions)
    if options["volumes"]:
        removed += prune_volumes(session, conditions, every_unused=False)
    removed += prune_images(session, conditions, every_unused=options["all"])
    session.print(f"Total reclaimed space: {decimal_size(removed)}")
    return 0


def _question(options: "Options", conditions: "list[tuple[str, str]]") -> str:
    warnings = ["all stopped containers", "all networks not used by at least one container"]
    if options["volumes"]:
        warnings.append("all anonymous volumes not used by at least one container")
    warnings.append(
        "all images without at least one container associated to them" if options["all"] else "all dangling images"
    )
    lines = ["WARNING! This will remove:", *(f"  - {warning}" for warning in warnings), ""]
    if conditions:
        lines += ["  Items to be pruned will be filtered with:"]
        lines += [f"  - {name}={value}" for name, value in conditions]
        lines.append("")
    return "\n".join([*lines, "Are you sure you want to continue?"])


PRUNE = Command(_run, "[OPTIONS]", flags=_flags)

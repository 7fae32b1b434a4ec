"""Which tags `pull` and `push` mean: the one that is named, the default one, or all of them."""

from slipway.base.errors import InvalidArgument
from slipway.docker.options.references import parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.options.references import Reference
    from slipway.docker.session import Session


def reference_with_tag(session: "Session", options: "Options") -> "Reference":
    """The command's reference, without a tag only for --all-tags; the user is told of a default one.

    Raises InvalidArgument.
    """
    reference = parse_reference(options.arguments[0])
    if options["all-tags"] and (reference.tag or reference.digest):
        raise InvalidArgument("tag can't be used with --all-tags/-a")
    if not (options["all-tags"] or reference.tag or reference.digest):
        reference.tag = "latest"
        if not options["quiet"]:
            session.print("Using default tag: latest")
    return reference

"""docker tag."""

from slipway.base.errors import InvalidArgument
from slipway.docker.command import Command
from slipway.docker.options.references import Reference, is_image_id, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _run(session: "Session", options: "Options") -> int:
    source, target = options.arguments
    if not is_image_id(source):
        _parse(source, source)
    reference = _parse(target, target)
    if reference.digest:
        raise InvalidArgument("refusing to create a tag with a digest reference")
    session.engine.post(f"/images/{source}/tag", {"repo": reference.full_name, "tag": reference.tag or "latest"})
    return 0


def _parse(text: str, shown: str) -> Reference:
    try:
        return parse_reference(text)
    except InvalidArgument as error:
        raise InvalidArgument(f'Error parsing reference: "{shown}" is not a valid repository/tag: {error}') from error


TAG = Command(_run, "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", arguments=(2, 2), names=("image tag", "tag"))

"""What every `inspect` does: fetch each named object, print them all as one JSON array or through a template."""

from slipway.base.errors import EngineError
from slipway.clients.dockerd.json_documents import parse_json
from slipway.docker.output.inspected import as_typed
from slipway.docker.output.json_layout import compact_json, indent_json
from slipway.docker.output.templates import Template, TemplateError
from slipway.docker.session import CommandFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slipway.docker.session import Session

_BAD_TEMPLATE_STATUS = 64


def inspect_all(session: "Session", names: "Sequence[str]", source: str, fetch: "Callable[[str], bytes]") -> int:
    """`fetch` gives an object's JSON or raises EngineError. All objects that there are get printed, then all errors."""
    template = _template(source)
    found: list[str] = []
    errors: list[str] = []
    for name in names:
        try:
            data = fetch(name)
            found.append(_text(data, template))
        except TemplateError as error:
            errors.append(f"template parsing error: {error}")
        except EngineError as error:
            errors.append(str(error))
    session.output.write(_whole(found, source))
    if errors:
        raise CommandFailed("\n".join(errors))
    return 0


def _template(source: str) -> Template | None:
    if source in ("", "json"):
        return None
    try:
        return Template(source)
    except TemplateError as error:
        raise CommandFailed(f"template parsing error: {error}", _BAD_TEMPLATE_STATUS) from error


def _text(data: bytes, template: Template | None) -> str:
    if template is None:
        return data.decode("utf-8", "replace")
    return template.render(as_typed(parse_json(data))) + "\n"


def _whole(found: "list[str]", source: str) -> str:
    if source not in ("", "json"):
        return "".join(found) or "\n"
    if not found:
        return "[]\n"
    array = f"[{','.join(found)}]"
    return f"{compact_json(array) if source == 'json' else indent_json(array)}\n"

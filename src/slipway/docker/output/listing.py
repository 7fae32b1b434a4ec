"""Lists in the three shapes of --format: a table with a header, one line per row by a template, or JSON lines."""

from slipway.base.errors import InvalidArgument
from slipway.docker.output.tables import align
from slipway.docker.output.templates import Row, Template, TemplateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TABLE, JSON, RAW = "table", "json", "raw"


def render_listing(source: str, rows: "Iterable[Row]", titles: "Mapping[str, str]") -> str:
    """Every row through the template `source`; with a leading `table`, in columns below a header of `titles`.

    Raises InvalidArgument where the template does not parse, or asks for a column that there is not.
    """
    is_table = source.startswith(TABLE)
    try:
        template = Template(template_text(source))
        body = "".join(template.render(row) + "\n" for row in rows)
    except TemplateError as error:
        raise InvalidArgument(f"template parsing error: {error}") from error
    if not is_table:
        return body
    return align(f"{template.render_header(titles)}\n{body}")


def template_text(source: str) -> str:
    """The template inside a --format value: without `table`, with \\t and \\n as characters, `json` spelled out."""
    if source.startswith(TABLE):
        source = source[len(TABLE) :]
    elif source == JSON:
        source = "{{json .}}"
    return source.strip(" ").replace("\\t", "\t").replace("\\n", "\n")

"""--filter values as the API's `filters` parameter: {"name":{"value":true}}, sorted."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def filter_query(filters: "Iterable[tuple[str, str]]") -> dict[str, str]:
    """{"filters": ...}, or nothing where there is no filter."""
    from slipway.clients.dockerd.json_documents import format_json_text

    document: dict[str, dict[str, bool]] = {}
    for name, value in filters:
        if name:
            document.setdefault(name, {})[value] = True
    return {"filters": format_json_text(document, sort_keys=True)} if document else {}

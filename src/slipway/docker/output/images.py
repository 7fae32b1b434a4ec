"""The columns of `docker images` and `docker history`."""

from slipway.base.errors import InvalidArgument
from slipway.docker.options.references import parse_reference
from slipway.docker.output.template_values import Row
from slipway.docker.output.text import ellipsis, local_time, rfc3339_local, short_id
from slipway.docker.output.units import SECOND, decimal_size, span_in_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_AGE = "{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}"
TABLE = f"table {{{{.Repository}}}}\t{{{{.Tag}}}}\t{{{{.ID}}}}\t{_AGE}\t{{{{.Size}}}}"
TABLE_WITH_DIGEST = TABLE.replace("\t{{.ID}}", "\t{{.Digest}}\t{{.ID}}")
TITLES = {
    "ID": "IMAGE ID",
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "Containers": "CONTAINERS",
    "VirtualSize": "SIZE",
    "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE",
}
HISTORY_TABLE = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
HISTORY_TITLES = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}
_NONE = "<none>"
_YEAR_2000 = 946_684_800  # images made by reproducible builds say 1970


def image_format(source: str, *, quiet: bool, digests: bool) -> str:
    """The template for a --format value."""
    if source == "table":
        if quiet:
            return "{{.ID}}"
        return TABLE_WITH_DIGEST if digests else TABLE
    if source == "raw":
        if quiet:
            return "image_id: {{.ID}}"
        digest = "digest: {{.Digest}}\n" if digests else ""
        return (
            f"repository: {{{{ .Repository }}}}\ntag: {{{{.Tag}}}}\n{digest}image_id: {{{{.ID}}}}\n"
            "created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"
        )
    if source.startswith("table") and digests and "{{.Digest}}" not in source:
        return source + "\t{{.Digest}}"
    return source


def image_rows(
    image: "Mapping[str, Any]", now: int, *, truncate: bool, digests: bool, ask_digests: bool
) -> "Iterator[Row]":
    """A row per name of the image; `digests` for --digests, `ask_digests` where the template has a digest column."""
    for repository, tag, digest in _names(image, digests=digests, ask_digests=ask_digests or digests):
        yield _row(image, repository, tag, digest, now, truncate=truncate)


def _names(image: "Mapping[str, Any]", *, digests: bool, ask_digests: bool) -> "Iterator[tuple[str, str, str]]":
    tags = _by_repository(image.get("RepoTags") or (), "tag")
    found = _by_repository(image.get("RepoDigests") or (), "digest")
    if not tags and not found:
        yield _NONE, _NONE, _NONE
        return
    for repository, names in tags.items():
        values = found.pop(repository, [])
        for name in names:
            for digest in (values if ask_digests else ()) or (_NONE,):
                yield repository, name, digest
    for repository, values in found.items():
        for digest in values if digests else [""]:
            yield repository, _NONE, digest


def _by_repository(names: "Any", part: str) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name in names:
        try:
            reference = parse_reference(name)
        except InvalidArgument:
            continue  # <none>:<none> of old daemons
        grouped.setdefault(reference.familiar, []).append(getattr(reference, part))
    return grouped


def _row(image: "Mapping[str, Any]", repository: str, tag: str, digest: str, now: int, *, truncate: bool) -> Row:
    size, shared, containers = image["Size"], image.get("SharedSize", -1), image.get("Containers", -1)
    return Row(
        "*formatter.imageContext",
        {
            "ID": lambda: short_id(image["Id"]) if truncate else image["Id"],
            "Repository": lambda: repository,
            "Tag": lambda: tag,
            "Digest": lambda: digest,
            "CreatedSince": lambda: f"{span_in_words(now - image['Created'] * SECOND)} ago",
            "CreatedAt": lambda: local_time(image["Created"]),
            "Size": lambda: decimal_size(size, precision=3),
            "Containers": lambda: "N/A" if containers == -1 else str(containers),
            "VirtualSize": lambda: decimal_size(size),
            "SharedSize": lambda: "N/A" if shared == -1 else decimal_size(shared),
            "UniqueSize": lambda: "N/A" if -1 in (size, shared) else decimal_size(size - shared),
        },
    )


def history_row(step: "Mapping[str, Any]", now: int, *, truncate: bool, human: bool) -> Row:
    """One step of an image's history."""
    created, made_by = step["Created"], step["CreatedBy"].replace("\t", " ")

    def age() -> str:
        if not human:
            return rfc3339_local(created)
        return f"{span_in_words(now - created * SECOND)} ago" if created > _YEAR_2000 else "N/A"

    return Row(
        "*image.historyContext",
        {
            "ID": lambda: short_id(step["Id"]) if truncate else step["Id"],
            "CreatedSince": age,
            "CreatedAt": lambda: rfc3339_local(created),
            "CreatedBy": lambda: ellipsis(made_by, 45) if truncate else made_by,
            "Size": lambda: decimal_size(step["Size"], precision=3) if human else str(step["Size"]),
            "Comment": lambda: step["Comment"],
        },
    )

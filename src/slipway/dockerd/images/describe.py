"""Images as the Engine API shows them. Pure."""

from collections.abc import Mapping
from typing import Any

from slipway.base.errors import InvalidArgument
from slipway.base.timestamp_parsing import nanoseconds_from_rfc3339
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.dockerd.images.model import ImageContent, NamedImage
from slipway.dockerd.images.names import familiar_name, is_dangling, split_tag


def repo_tags(image: NamedImage) -> list[str]:
    return [familiar_name(name) for name in image.names if "@" not in name]


def repo_digests(image: NamedImage) -> list[str]:
    """`nginx@sha256:...` of every repository that names the image."""
    repositories = {split_tag(name)[0] for name in image.names if not is_dangling(name)}
    return sorted(f"{familiar_name(repository)}@{image.content.id}" for repository in repositories)


def created_nanoseconds(content: ImageContent) -> int:
    """When it was made; 0 where the configuration does not say, or says nonsense."""
    try:
        return nanoseconds_from_rfc3339(str(content.document.get("created") or ""))
    except InvalidArgument:
        return 0


def inspect_document(image: NamedImage, size: int, driver: str) -> dict[str, Any]:
    """GET /images/{name}/json."""
    content, document = image.content, image.content.document
    return {
        "Id": content.id,
        "RepoTags": repo_tags(image),
        "RepoDigests": repo_digests(image),
        "Parent": "",
        "Comment": _comment(document),
        "Created": str(document.get("created") or ""),
        "DockerVersion": str(document.get("docker_version") or ""),
        "Author": str(document.get("author") or ""),
        "Architecture": str(document.get("architecture") or ""),
        "Os": str(document.get("os") or ""),
        "Size": size,
        "GraphDriver": {"Data": None, "Name": driver},
        "RootFS": {"Type": "layers", "Layers": list(content.diff_ids)},
        "Metadata": {"LastTagTime": rfc3339_from_nanoseconds(image.updated_at)},
        "Descriptor": {
            "mediaType": content.target.media_type,
            "digest": content.target.digest,
            "size": content.target.size,
        },
        "Config": document.get("config") or {},
    }


def list_document(image: NamedImage, size: int, containers: int) -> dict[str, Any]:
    """One element of GET /images/json."""
    return {
        "Containers": containers,
        "Created": created_nanoseconds(image.content) // 1_000_000_000,
        "Id": image.content.id,
        "Labels": (image.content.document.get("config") or {}).get("Labels"),
        "ParentId": "",
        "RepoDigests": repo_digests(image),
        "RepoTags": repo_tags(image),
        "SharedSize": -1,
        "Size": size,
    }


def history_documents(image: NamedImage, layer_sizes: list[int]) -> list[dict[str, Any]]:
    """GET /images/{name}/history: newest first; `layer_sizes` oldest first."""
    sizes = iter(layer_sizes)
    found = []
    for entry in _history(image.content.document):
        try:
            created = nanoseconds_from_rfc3339(str(entry.get("created") or "")) // 1_000_000_000
        except InvalidArgument:
            created = 0
        found.append(
            {
                "Comment": str(entry.get("comment") or ""),
                "Created": created,
                "CreatedBy": str(entry.get("created_by") or ""),
                "Id": "<missing>",
                "Size": 0 if entry.get("empty_layer") else next(sizes, 0),
                "Tags": None,
            }
        )
    found.reverse()
    if found:
        found[0] |= {"Id": image.content.id, "Tags": repo_tags(image) or None}
    return found


def _comment(document: Mapping[str, Any]) -> str:
    if document.get("comment"):
        return str(document["comment"])
    history = _history(document) or [{}]
    return str(history[-1].get("comment") or "")


def _history(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is no entry, an image's author may have written all the same."""
    entries = document.get("history")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []

"""The columns of `docker system df`. Pure."""

from slipway.docker.output.template_values import Row
from slipway.docker.output.units import decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TABLE = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"
TITLES = {
    "Type": "TYPE",
    "TotalCount": "TOTAL",
    "Active": "ACTIVE",
    "Size": "SIZE",
    "Reclaimable": "RECLAIMABLE",
}
_ACTIVE_STATES = ("running", "paused", "restarting")


def usage_rows(usage: "Mapping[str, Any]") -> list[Row]:
    """Four rows from GET /system/df: images, containers, volumes, build cache."""
    return [
        _images(usage.get("Images") or [], usage.get("LayersSize", 0)),
        _containers(usage.get("Containers") or []),
        _volumes(usage.get("Volumes") or []),
        _build_cache(usage.get("BuildCache") or [], usage.get("BuilderSize", 0)),
    ]


def _row(kind: str, total: int, active: int, size: int, reclaimable: int, *, with_share: bool = True) -> Row:
    shown = decimal_size(reclaimable)
    if with_share and size > 0:
        shown += f" ({reclaimable * 100 // size}%)"
    return Row(
        "*formatter.diskUsageContext",
        {
            "Type": lambda: kind,
            "TotalCount": lambda: str(total),
            "Active": lambda: str(active),
            "Size": lambda: decimal_size(size),
            "Reclaimable": lambda: shown,
        },
    )


def _images(images: "list[Any]", size: int) -> Row:
    used = [image for image in images if image["Containers"] > 0]
    kept = sum(
        image["Size"] - image["SharedSize"]
        for image in images
        if image["Containers"] != 0 and -1 not in (image["Size"], image["SharedSize"])
    )
    return _row("Images", len(images), len(used), size, size - kept)


def _containers(containers: "list[Any]") -> Row:
    sizes = [(container.get("SizeRw", 0), container["State"] in _ACTIVE_STATES) for container in containers]
    total = sum(size for size, _ in sizes)
    idle = sum(size for size, is_active in sizes if not is_active)
    return _row("Containers", len(sizes), sum(is_active for _, is_active in sizes), total, idle)


def _volumes(volumes: "list[Any]") -> Row:
    usages = [volume["UsageData"] for volume in volumes if volume.get("UsageData")]
    known = [usage for usage in usages if usage["Size"] != -1]
    total = sum(usage["Size"] for usage in known)
    idle = sum(usage["Size"] for usage in known if usage["RefCount"] == 0)
    return _row("Local Volumes", len(volumes), sum(usage["RefCount"] > 0 for usage in usages), total, idle)


def _build_cache(records: "list[Any]", size: int) -> Row:
    size = size or sum(record["Size"] for record in records if not record.get("Shared"))
    kept = sum(record["Size"] for record in records if record.get("InUse") and not record.get("Shared"))
    active = sum(bool(record.get("InUse")) for record in records)
    return _row("Build Cache", len(records), active, size, size - kept, with_share=False)

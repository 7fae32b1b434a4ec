"""The columns of `docker ps` and the words in them."""

from slipway.base.errors import InvalidArgument
from slipway.docker.options.references import parse_reference
from slipway.docker.output.quoting import go_quote
from slipway.docker.output.template_values import Row
from slipway.docker.output.text import ellipsis, local_time, short_id
from slipway.docker.output.units import SECOND, decimal_size, span_in_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

TABLE = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
_RAW = """container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
"""
TITLES = {
    "ID": "CONTAINER ID",
    "Names": "NAMES",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "CreatedAt": "CREATED AT",
    "RunningFor": "CREATED",
    "Ports": "PORTS",
    "State": "STATE",
    "Status": "STATUS",
    "Size": "SIZE",
    "Labels": "LABELS",
    "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES",
    "Networks": "NETWORKS",
    "Platform": "PLATFORM",
}


def container_format(source: str, *, quiet: bool, with_size: bool) -> str:
    """The template for a --format value: none, `table`, `raw`, or one of the person's own."""
    if source in ("", "table"):
        if quiet:
            return "{{.ID}}"
        return TABLE + "\t{{.Size}}" if with_size else TABLE
    if source == "raw":
        if quiet:
            return "container_id: {{.ID}}"
        return _RAW + "size: {{.Size}}\n" if with_size else _RAW
    return "{{.ID}}" if quiet else source


def container_row(container: "Mapping[str, Any]", now: int, *, truncate: bool) -> Row:
    """One container of GET /containers/json; `now` in nanoseconds, for its age."""
    labels = container.get("Labels") or {}
    mounts = container.get("Mounts") or ()
    return Row(
        "*formatter.ContainerContext",
        {
            "ID": lambda: short_id(container["Id"]) if truncate else container["Id"],
            "Names": lambda: _names(container.get("Names") or (), truncate),
            "Image": lambda: _image(container, truncate),
            "Command": lambda: go_quote(ellipsis(container["Command"], 20) if truncate else container["Command"]),
            "CreatedAt": lambda: local_time(container["Created"]),
            "RunningFor": lambda: f"{span_in_words(now - container['Created'] * SECOND)} ago",
            "Ports": lambda: ports_text(container.get("Ports") or ()),
            "State": lambda: container.get("State", ""),
            "Status": lambda: container.get("Status", ""),
            "Size": lambda: _size(container),
            "Labels": lambda: ",".join(sorted(f"{key}={value}" for key, value in labels.items())),
            "Mounts": lambda: ",".join(_mount(mount, truncate) for mount in mounts),
            "LocalVolumes": lambda: str(sum(mount.get("Driver") == "local" for mount in mounts)),
            "Networks": lambda: ",".join((container.get("NetworkSettings") or {}).get("Networks") or ()),
            "Platform": lambda: _platform(container),
        },
        {"Label": lambda name: labels.get(name, "")},
    )


def _names(names: "Sequence[str]", truncate: bool) -> str:
    shown = [name[1:] for name in names]
    if truncate:
        shown = next(([name] for name in shown if "/" not in name), shown)
    return ",".join(shown)


def _image(container: "Mapping[str, Any]", truncate: bool) -> str:
    image = str(container["Image"])
    if not image:
        return "<no image>"
    if not truncate:
        return image
    if short_id(container.get("ImageID", "")) == short_id(image):
        return short_id(image)
    try:
        reference = parse_reference(image)
    except InvalidArgument:
        return image
    reference.digest = ""
    return reference.text


def _size(container: "Mapping[str, Any]") -> str:
    own = decimal_size(container.get("SizeRw", 0), precision=3)
    whole = container.get("SizeRootFs", 0)
    return f"{own} (virtual {decimal_size(whole, precision=3)})" if whole > 0 else own


def _mount(mount: "Mapping[str, Any]", truncate: bool) -> str:
    name = mount.get("Name") or mount.get("Source", "")
    return ellipsis(name, 15) if truncate else name


def _platform(container: "Mapping[str, Any]") -> object:
    """The document itself, as `--format json` shows it; None where the daemon tells no platform."""
    return (container.get("ImageManifestDescriptor") or {}).get("platform")


def ports_text(ports: "Sequence[Mapping[str, Any]]") -> str:
    """`0.0.0.0:80->80/tcp, 443/tcp`; runs of ports published under their own numbers become ranges."""
    ordered = sorted(
        ports, key=lambda port: (port["PrivatePort"], port.get("IP", ""), port.get("PublicPort", 0), port["Type"])
    )
    finished: list[str] = []
    mapped: list[str] = []
    groups: dict[tuple[str, str], tuple[int, int]] = {}
    for port in ordered:
        address, private = port.get("IP", ""), port["PrivatePort"]
        if address and port.get("PublicPort", 0) != private:
            mapped.append(f"{_host(address)}:{port.get('PublicPort', 0)}->{private}/{port['Type']}")
            continue
        key = (address, port["Type"])
        first, last = groups.get(key, (private, private - 1))
        if private != last + 1:
            finished.append(_group(key, first, last))
            first = private
        groups[key] = (first, private)
    finished += [_group(key, first, last) for key, (first, last) in groups.items()]
    return ", ".join(finished + mapped)


def _group(key: tuple[str, str], first: int, last: int) -> str:
    address, protocol = key
    ports = str(first) if first == last else f"{first}-{last}"
    return f"{_host(address)}:{ports}->{ports}/{protocol}" if address else f"{ports}/{protocol}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address

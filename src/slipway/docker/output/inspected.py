"""What JSON does not say of inspected objects and templates show: which null is a list or map, and which members may
lack.

The original decodes into Go's types before a template sees the object; this is the part of those types that matters.
"""

from slipway.docker.output.template_values import Nil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LISTS = frozenset(
    [
        "Aliases",
        "Args",
        "Binds",
        "BlkioDeviceReadBps",
        "BlkioDeviceReadIOps",
        "BlkioDeviceWriteBps",
        "BlkioDeviceWriteIOps",
        "BlkioWeightDevice",
        "CapAdd",
        "CapDrop",
        "Cmd",
        "Config",
        "DNSNames",
        "DeviceCgroupRules",
        "DeviceRequests",
        "Devices",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "Entrypoint",
        "Env",
        "ExecIDs",
        "ExtraHosts",
        "GroupAdd",
        "Links",
        "MaskedPaths",
        "Mounts",
        "OnBuild",
        "ReadonlyPaths",
        "RepoDigests",
        "RepoTags",
        "SecondaryIPAddresses",
        "SecondaryIPv6Addresses",
        "SecurityOpt",
        "Shell",
        "Test",
        "Ulimits",
        "VolumesFrom",
    ]
)
_MAPS = frozenset(
    [
        "Annotations",
        "DriverOpts",
        "ExposedPorts",
        "Labels",
        "Networks",
        "Options",
        "PortBindings",
        "Ports",
        "StorageOpt",
        "Sysctls",
        "Tmpfs",
        "Volumes",
    ]
)
# Members that are left out where they are empty, and a member that their object always has.
_OPTIONAL = {
    "Health": "Running",
    "Healthcheck": "Hostname",
    "ExposedPorts": "Hostname",
    "Shell": "Hostname",
    "StopTimeout": "Hostname",
    "Annotations": "NetworkMode",
    "Init": "NetworkMode",
    "Mounts": "NetworkMode",
    "StorageOpt": "NetworkMode",
    "Sysctls": "NetworkMode",
    "Tmpfs": "NetworkMode",
    "SizeRw": "HostConfig",
    "SizeRootFs": "HostConfig",
}
_IMAGE_CONFIGURATION = (  # in the order of the OCI image specification's type, which leaves empty members out
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "Shell",
)
_NIL_LIST, _NIL_MAP = Nil("[]"), Nil("map[]")


def nil_of(name: str) -> Nil | None:
    """What a null member of this name is."""
    if name in _LISTS:
        return _NIL_LIST
    return _NIL_MAP if name in _MAPS else None


def is_optional(name: str, owner: "Mapping[str, Any]") -> bool:
    """Whether `owner`, which lacks the member, could have it."""
    return _OPTIONAL.get(name, "") in owner


def as_typed(document: "Any") -> "Any":
    """An inspected object as the original's types have it; only an image's configuration differs from the JSON."""
    if isinstance(document, dict) and "RepoTags" in document and isinstance(document.get("Config"), dict):
        configuration = document["Config"]
        kept = {name: configuration[name] for name in _IMAGE_CONFIGURATION if configuration.get(name)}
        return {**document, "Config": kept}
    return document

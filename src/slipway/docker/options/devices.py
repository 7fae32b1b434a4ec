"""--device path[:path][:rwm], CDI names among them, and --gpus: devices of the create request."""

import posixpath

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAME = _LETTERS | frozenset("0123456789_-.")


def parse_devices(options: "Options") -> "dict[str, Any]":
    """Devices, DeviceCgroupRules and DeviceRequests."""
    mappings = []
    qualified = []
    for device in options["device"]:
        if _is_qualified_name(device):
            qualified.append(device)
        else:
            mappings.append(_mapping(device))
    requests = list(options["gpus"])
    if qualified:
        requests.append({"Driver": "cdi", "Count": 0, "DeviceIDs": qualified, "Capabilities": None, "Options": None})
    return {
        "Devices": mappings,
        "DeviceCgroupRules": list(options["device-cgroup-rule"]) or None,
        "DeviceRequests": requests or None,
    }


def _mapping(text: str) -> dict[str, str]:
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:
        raise InvalidArgument(f"bad format for path: {text}")
    source, inside, access = parts[0], "", "rwm"
    if len(parts) == 3:
        inside, access = parts[1], parts[2]
        if not _is_access(access):
            raise InvalidArgument(f"bad mode specified: {access}")
        _check_absolute(inside)
    elif len(parts) == 2 and _is_access(parts[1]):
        access = parts[1]
        _check_absolute(source)
        source = posixpath.normpath(source)
    elif len(parts) == 2:
        inside = parts[1]
        _check_absolute(inside)
        inside = posixpath.normpath(inside)
    else:
        _check_absolute(source)
        source = posixpath.normpath(source)
    return {"PathOnHost": source, "PathInContainer": inside or source, "CgroupPermissions": access}


def _check_absolute(path: str) -> None:
    if not path.startswith("/"):
        raise InvalidArgument(f"{path} is not an absolute path")


def _is_access(text: str) -> bool:
    return bool(text) and set("rwm").issuperset(text) and len(set(text)) == len(text)


def _is_qualified_name(text: str) -> bool:
    """vendor.com/class=name, of the Container Device Interface."""
    kind, equals, name = text.partition("=")
    vendor, slash, device_class = kind.partition("/")
    return bool(
        equals
        and slash
        and name
        and all(
            part and part[0] in _LETTERS and part[-1].isalnum() and _NAME.issuperset(part)
            for part in (vendor, device_class)
        )
        and name[0].isalnum()
        and (_NAME | {":"}).issuperset(name)
    )

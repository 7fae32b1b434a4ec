"""Device nodes to make in a container, and the rules that say which may be used."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.oci.defaults import default_device_rules, device_rule
from slipway.dockerd.containers.spec.model import ResolvedDevice

# Kernel, Documentation/admin-guide/cgroup-v1/devices.rst; [0-9], as \d takes other scripts' digits too.
RULE = re.compile(r"([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})")


def device_nodes(devices: Iterable[ResolvedDevice]) -> list[dict[str, Any]]:
    """`linux.devices`."""
    return [
        {
            "path": device.path,
            "type": device.kind,
            "major": device.major,
            "minor": device.minor,
            "fileMode": device.mode & 0o7777,
            "uid": device.uid,
            "gid": device.gid,
        }
        for device in devices
    ]


def device_rules(host_config: HostConfig, devices: Sequence[ResolvedDevice]) -> list[dict[str, Any]]:
    """`linux.resources.devices`: the defaults, then --device and --device-cgroup-rule; all of them when privileged.

    The original writes its defaults twice over; a rule set is the same said once, and so it is said once here.
    """
    _refuse_requests(host_config)
    rules = default_device_rules()
    if host_config.privileged:
        return [*rules, {"allow": True, "access": "rwm"}]
    rules += [device_rule(device.kind, device.major, device.minor, device.access) for device in devices]
    return rules + [_rule_from_text(text) for text in host_config.device_cgroup_rules or ()]


def _rule_from_text(text: str) -> dict[str, Any]:
    match = RULE.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = match.groups()
    return device_rule(kind, _number(major, text), _number(minor, text), access)


def _number(digits: str, text: str) -> int:
    if digits == "*":
        return -1
    if len(digits) > 18:
        raise InvalidArgument(f"invalid value in device cgroup rule format: '{text}'")
    return int(digits)


def _refuse_requests(host_config: HostConfig) -> None:
    """--gpus needs a vendor's runtime hook; the original says these words when it has none."""
    for request in host_config.device_requests or ():
        kinds = " ".join("[" + " ".join(alternatives) + "]" for alternatives in request.capabilities or ())
        raise NotImplementedByEngine(
            f'could not select device driver "{request.driver}" with capabilities: [{kinds}]',
            hint="this engine does not serve GPUs; name their device nodes with --device",
        )

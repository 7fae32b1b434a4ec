"""Containers as the Engine API shows them: inspect and list. Pure; sizes and times come in."""

import re
from collections.abc import Mapping
from typing import Any, Final

from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.contracts.engine_api.schema import encode
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.health.decide import NONE, STARTING, status_of
from slipway.dockerd.containers.human import elapsed_words
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.model import ContainerState

_PORT: Final = re.compile(r"[0-9]{1,5}")
_LAST_PORT: Final = 65535
ZERO_TIME: Final = "0001-01-01T00:00:00Z"  # Go's zero time.Time


def inspect_document(container: Container, folder: str, log_path: str) -> dict[str, Any]:
    """GET /containers/{id}/json. `folder` is where hosts, hostname and resolv.conf are."""
    record, state = container.record, container.state
    execs = [one.id for one in container.execs.values() if one.exit_code is None]
    started = bool(state.started_at)
    document: dict[str, Any] = {
        "Id": record.id,
        "Created": rfc3339_from_nanoseconds(record.created),
        "Path": record.path,
        "Args": list(record.arguments),
        "State": _state(state),
        "Image": record.image_id,
        "ResolvConfPath": f"{folder}/resolv.conf" if started else "",
        "HostnamePath": f"{folder}/hostname" if started else "",
        "HostsPath": f"{folder}/hosts" if started else "",
        "LogPath": log_path if started and record.host_config.log_config.type == "json-file" else "",
        "Name": f"/{record.name}",
        "RestartCount": state.restart_count,
        "Driver": record.driver,
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": execs or None,
        "HostConfig": encode(record.host_config),
        "GraphDriver": {"Data": None, "Name": record.driver},
        "Mounts": [encode(point) for point in record.mount_points],
        "Config": encode(record.config),
        "NetworkSettings": _network_settings(container),
    }
    if record.image_manifest is not None:
        document["ImageManifestDescriptor"] = encode(record.image_manifest)
    return document


def list_document(container: Container, now: int) -> dict[str, Any]:
    """One element of GET /containers/json."""
    record, state = container.record, container.state
    host_config: dict[str, Any] = {"NetworkMode": record.host_config.network_mode}
    if record.host_config.annotations:
        host_config["Annotations"] = dict(record.host_config.annotations)
    document: dict[str, Any] = {
        "Id": record.id,
        "Names": [f"/{record.name}"],
        "Image": record.config.image,
        "ImageID": record.image_id,
        "Command": " ".join((record.path, *(_quoted(argument) for argument in record.arguments))),
        "Created": record.created // 1_000_000_000,
        "Ports": list_ports(container),
        "Labels": dict(record.config.labels or {}),
        "State": state.status.value,
        "Status": status_words(state, now),
        "HostConfig": host_config,
        "NetworkSettings": {"Networks": _networks(container)},
        "Mounts": [encode(point) for point in record.mount_points],
    }
    if record.image_manifest is not None:
        document["ImageManifestDescriptor"] = encode(record.image_manifest)
    return document


def status_words(state: ContainerState, now: int) -> str:
    """`Up 5 minutes (Paused)`, `Exited (0) 2 hours ago`, `Created`."""
    match state.status:
        case Status.RUNNING:
            return f"Up {elapsed_words(now - state.started_at)}{_health_words(state)}"
        case Status.PAUSED:
            return f"Up {elapsed_words(now - state.started_at)} (Paused)"
        case Status.RESTARTING:
            return f"Restarting ({state.exit_code}) {elapsed_words(now - state.finished_at)} ago"
        case Status.REMOVING:
            return "Removal In Progress"
        case Status.DEAD:
            return "Dead"
        case Status.CREATED:
            return "Created"
        case Status.EXITED:
            if not state.finished_at:
                return "Created"
            return f"Exited ({state.exit_code}) {elapsed_words(now - state.finished_at)} ago"


def _health_words(state: ContainerState) -> str:
    status = status_of(state.health)
    if status == NONE:
        return ""
    return f" (health: {status})" if status == STARTING else f" ({status})"


def list_ports(container: Container) -> list[dict[str, Any]]:
    """What is published, then what is only exposed; by private port, as the original sorts them."""
    ports = []
    published = set()
    for port in container.state.endpoint.get("ports") or () if container.state.is_running else ():
        published.add((port["container_port"], port["protocol"]))
        ports.append(
            {
                "IP": port["host_address"],
                "PrivatePort": port["container_port"],
                "PublicPort": port["host_port"],
                "Type": port["protocol"],
            }
        )
    if container.state.is_running:
        for text in container.record.config.exposed_ports or {}:
            number, _, protocol = text.partition("/")
            if _PORT.fullmatch(number) is None or int(number) > _LAST_PORT:
                continue  # an image may say anything, and a range is no port
            if (int(number), protocol or "tcp") not in published:
                ports.append({"PrivatePort": int(number), "Type": protocol or "tcp"})
    return sorted(ports, key=lambda port: (port["PrivatePort"], port.get("IP", ""), port["Type"]))


def _state(state: ContainerState) -> dict[str, Any]:
    return {
        "Status": state.status.value,
        # As the original: a restarting container counts as running, too.
        "Running": state.is_running or state.status == Status.RESTARTING,
        "Paused": state.status == Status.PAUSED,
        "Restarting": state.status == Status.RESTARTING,
        "OOMKilled": state.out_of_memory,
        "Dead": state.status == Status.DEAD,
        "Pid": state.pid,
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": _time(state.started_at),
        "FinishedAt": _time(state.finished_at),
        **({"Health": dict(state.health)} if state.health else {}),
    }


def _time(nanoseconds: int) -> str:
    return rfc3339_from_nanoseconds(nanoseconds) if nanoseconds else ZERO_TIME


def _network_settings(container: Container) -> dict[str, Any]:
    networks = _networks(container)
    bridge: Mapping[str, Any] = networks.get("bridge") or {}
    endpoint = container.state.endpoint
    path = f"/proc/{container.state.pid}/ns/net" if container.state.is_running and endpoint else ""
    return {
        "Bridge": "",
        "SandboxID": str(endpoint.get("endpoint_id") or "") if container.state.is_running else "",
        "SandboxKey": path,
        "Ports": _port_map(container),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": bridge.get("EndpointID", ""),
        "Gateway": bridge.get("Gateway", ""),
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": bridge.get("IPAddress", ""),
        "IPPrefixLen": bridge.get("IPPrefixLen", 0),
        "IPv6Gateway": "",
        "MacAddress": bridge.get("MacAddress", ""),
        "Networks": networks,
    }


def _networks(container: Container) -> dict[str, Any]:
    endpoint = container.state.endpoint if container.state.is_running else {}
    found = {}
    for name, asked in container.record.networks.items():
        document = encode(asked if isinstance(asked, EndpointSettings) else EndpointSettings())
        document["NetworkID"] = container.state.network_id
        if endpoint and endpoint.get("network") == name:
            document |= {
                "EndpointID": endpoint["endpoint_id"],
                "Gateway": endpoint["gateway"],
                "IPAddress": endpoint["ipv4_address"],
                "IPPrefixLen": endpoint["ipv4_prefix_length"],
                "MacAddress": endpoint["mac_address"],
            }
        found[name] = document
    return found


def _port_map(container: Container) -> dict[str, Any]:
    """`{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": null}`, while it runs."""
    if not container.state.is_running or not container.state.endpoint.get("ipv4_address"):
        return {}
    ports: dict[str, Any] = {_with_protocol(text): None for text in container.record.config.exposed_ports or {}}
    for port in container.state.endpoint.get("ports") or ():
        key = f"{port['container_port']}/{port['protocol']}"
        place = {"HostIp": port["host_address"], "HostPort": str(port["host_port"])}
        ports[key] = [*(ports.get(key) or ()), place]
    return ports


def _with_protocol(text: str) -> str:
    return text if "/" in text else f"{text}/tcp"


def _quoted(argument: str) -> str:
    """As the original's `docker ps` quotes arguments with spaces or nothing in them."""
    return f"'{argument}'" if " " in argument or not argument else argument

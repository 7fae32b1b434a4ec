"""The text of `docker info`: a table of labels over the daemon's document."""

from slipway.docker.output.units import binary_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Document = Mapping[str, Any]


def information_text(client: "Document", server: "Document | None") -> str:
    """Both sides; with no daemon the server's heading alone."""
    lines = ["Client:", f" Version:    {client['Version']}", f" Context:    {client['Context']}"]
    lines += [f" Debug Mode: {_show(client['Debug'])}", "", "Server:"]
    if server is not None:
        lines += [*_server_lines(server), ""]
    return "".join(f"{line}\n" for line in lines)


def _server_lines(info: "Document") -> "Iterator[str]":
    yield from _counts(info)
    yield from _plugins(info)
    yield f" Swarm: {(info.get('Swarm') or {}).get('LocalNodeState', '')}"
    if info.get("Runtimes"):
        yield f" Runtimes: {' '.join(info['Runtimes'])}"
        yield f" Default Runtime: {info.get('DefaultRuntime', '')}"
    if info.get("OSType") == "linux":
        yield from _linux(info)
    yield from _machine(info)
    yield from _settings(info)


def _counts(info: "Document") -> "Iterator[str]":
    yield f" Containers: {info.get('Containers', 0)}"
    for label in ("Running", "Paused", "Stopped"):
        yield f"  {label}: {info.get('Containers' + label, 0)}"
    yield f" Images: {info.get('Images', 0)}"
    yield from _where_given(info, (("Server Version", "ServerVersion"), ("Storage Driver", "Driver")))
    for name, value in info.get("DriverStatus") or ():
        yield f"  {name}: {value}"
    yield from _where_given(
        info,
        (("Logging Driver", "LoggingDriver"), ("Cgroup Driver", "CgroupDriver"), ("Cgroup Version", "CgroupVersion")),
    )


def _plugins(info: "Document") -> "Iterator[str]":
    plugins = info.get("Plugins") or {}
    yield " Plugins:"
    yield f"  Volume: {' '.join(plugins.get('Volume') or ())}"
    yield f"  Network: {' '.join(plugins.get('Network') or ())}"
    if plugins.get("Authorization"):
        yield f"  Authorization: {' '.join(plugins['Authorization'])}"
    yield f"  Log: {' '.join(plugins.get('Log') or ())}"
    if info.get("CDISpecDirs"):
        yield " CDI spec directories:"
        yield from (f"  {directory}" for directory in info["CDISpecDirs"])
    if info.get("DiscoveredDevices"):
        yield " Discovered Devices:"
        yield from (f"  {device['Source']}: {device['ID']}" for device in info["DiscoveredDevices"])


def _linux(info: "Document") -> "Iterator[str]":
    yield f" Init Binary: {info.get('InitBinary', '')}"
    for label, member in (("containerd", "ContainerdCommit"), ("runc", "RuncCommit"), ("init", "InitCommit")):
        yield f" {label} version: {(info.get(member) or {}).get('ID', '')}"
    if not info.get("SecurityOptions"):
        return
    yield " Security Options:"
    for option in info["SecurityOptions"]:
        pairs = [pair.partition("=")[::2] for pair in option.split(",")]
        for key, value in pairs:
            if key == "name":
                yield f"  {value}"
        for key, value in pairs:
            if key == "profile":
                yield f"   Profile: {value}"


def _machine(info: "Document") -> "Iterator[str]":
    yield from _where_given(
        info,
        (
            ("Kernel Version", "KernelVersion"),
            ("Operating System", "OperatingSystem"),
            ("OSType", "OSType"),
            ("Architecture", "Architecture"),
        ),
    )
    yield f" CPUs: {info.get('NCPU', 0)}"
    yield f" Total Memory: {binary_size(info.get('MemTotal', 0))}"
    yield from _where_given(info, (("Name", "Name"), ("ID", "ID")))
    yield f" Docker Root Dir: {info.get('DockerRootDir', '')}"
    yield f" Debug Mode: {_show(info.get('Debug'))}"
    if info.get("Debug"):
        for label, member in (
            ("File Descriptors", "NFd"),
            ("Goroutines", "NGoroutines"),
            ("System Time", "SystemTime"),
            ("EventsListeners", "NEventsListener"),
        ):
            yield f"  {label}: {info.get(member, '')}"


def _settings(info: "Document") -> "Iterator[str]":
    yield from _where_given(info, (("HTTP Proxy", "HttpProxy"), ("HTTPS Proxy", "HttpsProxy"), ("No Proxy", "NoProxy")))
    if info.get("Labels"):
        yield " Labels:"
        yield from (f"  {label}" for label in info["Labels"])
    yield f" Experimental: {_show(info.get('ExperimentalBuild'))}"
    registries = info.get("RegistryConfig") or {}
    indexes, ranges = registries.get("IndexConfigs") or {}, registries.get("InsecureRegistryCIDRs") or ()
    if indexes or ranges:
        yield " Insecure Registries:"
        yield from (f"  {index['Name']}" for index in indexes.values() if not index["Secure"])
        yield from (f"  {network}" for network in ranges)
    if registries.get("Mirrors"):
        yield " Registry Mirrors:"
        yield from (f"  {mirror}" for mirror in registries["Mirrors"])
    yield f" Live Restore Enabled: {_show(info.get('LiveRestoreEnabled'))}"
    if info.get("ProductLicense"):
        yield f" Product License: {info['ProductLicense']}"
    if info.get("DefaultAddressPools"):
        yield " Default Address Pools:"
        yield from (f"   Base: {pool['Base']}, Size: {pool['Size']}" for pool in info["DefaultAddressPools"])


def _where_given(info: "Document", members: "tuple[tuple[str, str], ...]") -> "Iterator[str]":
    return (f" {label}: {info[member]}" for label, member in members if info.get(member))


def _show(value: object) -> str:
    return "true" if value else "false"

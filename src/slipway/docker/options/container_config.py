"""The create request of `run` and `create`: every flag in the place where the Engine API wants it. Pure: files come
by `Sources`.
"""

from slipway.base.errors import InvalidArgument
from slipway.docker.options import variables
from slipway.docker.options.binds import parse_binds
from slipway.docker.options.devices import parse_devices
from slipway.docker.options.networks import endpoints, network_mode
from slipway.docker.options.ports import parse_ports
from slipway.docker.options.resources import resource_limits
from slipway.docker.options.security import parse_security_options, system_paths
from slipway.docker.options.validation import is_mac_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from slipway.docker.options.parser import Options

    Document = dict[str, Any]


class Sources:
    """What flags may refer to: files (`read` raises OSError), our environment, paths relative to our directory,
    proxies.
    """

    __slots__ = ("absolute", "environment", "proxies", "read")

    def __init__(
        self,
        read: "Callable[[str], bytes]",
        absolute: "Callable[[str], str]",
        environment: "Mapping[str, str]",
        proxies: "Mapping[str, str]",
    ) -> None:
        self.read = read
        self.absolute = absolute
        self.environment = environment
        self.proxies = proxies


def create_request(options: "Options", sources: Sources) -> "Document":
    """The body of POST /containers/create. Raises InvalidArgument for what does not fit together, OSError for files."""
    image, *command = options.arguments
    if options["mac-address"] and not is_mac_address(options["mac-address"]):
        raise InvalidArgument(f"{options['mac-address']} is not a valid mac address")
    swappiness = options["memory-swappiness"]
    if swappiness != -1 and not 0 <= swappiness <= 100:
        raise InvalidArgument(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    binds, volumes = parse_binds(options["volume"], sources.absolute)
    exposed, bindings = parse_ports(options["publish"], options["expose"])
    document = _process(options, image, command, sources)
    document["Volumes"] = volumes
    if exposed:
        document["ExposedPorts"] = exposed
    document["HostConfig"] = _host_config(options, binds, bindings, sources)
    if options["rm"] and document["HostConfig"]["RestartPolicy"]["Name"] not in ("", "no"):
        raise InvalidArgument("conflicting options: cannot specify both --restart and --rm")
    document["NetworkingConfig"] = {"EndpointsConfig": endpoints(options)}
    return document


def _process(options: "Options", image: str, command: list[str], sources: Sources) -> "Document":
    streams = options["attach"]
    attach_input = "stdin" in streams or options["interactive"]
    document: Document = {
        "Hostname": options["hostname"],
        "Domainname": options["domainname"],
        "User": options["user"],
        "AttachStdin": attach_input,
        "AttachStdout": not streams or "stdout" in streams,
        "AttachStderr": not streams or "stderr" in streams,
        "Tty": options["tty"],
        "OpenStdin": options["interactive"],
        "StdinOnce": options["interactive"] and attach_input,
        "Env": _environment(options, sources) or None,
        "Cmd": command or None,
        "Image": image,
        "WorkingDir": options["workdir"],
        "Entrypoint": [options["entrypoint"]] if "entrypoint" in options.changed else None,
        "OnBuild": None,
        "Labels": variables.pairs(
            [*variables.lines_of_files(options["label-file"], sources.read, None), *options["label"]]
        ),
    }
    health = _health_check(options)
    if health is not None:
        document["Healthcheck"] = health
    if options["stop-signal"]:
        document["StopSignal"] = options["stop-signal"]
    if "stop-timeout" in options.changed:
        document["StopTimeout"] = options["stop-timeout"]
    return document


def _environment(options: "Options", sources: Sources) -> list[str]:
    named = list(variables.by_name(variables.with_values(options["env"], sources.environment)))
    given = {variable.partition("=")[0] for variable in named}
    proxies = [f"{name}={value}" for name, value in sources.proxies.items() if name not in given]
    return [*variables.lines_of_files(options["env-file"], sources.read, sources.environment), *named, *proxies]


def _host_config(options: "Options", binds: list[str] | None, bindings: "Document", sources: Sources) -> "Document":
    security, masked_paths, readonly_paths = system_paths(parse_security_options(options["security-opt"], sources.read))
    _check_modes(options)
    document: Document = {
        "Binds": binds,
        "ContainerIDFile": options["cidfile"],
        "LogConfig": _log_config(options),
        "NetworkMode": network_mode(options),
        "PortBindings": bindings,
        "RestartPolicy": restart_policy(options["restart"]),
        "AutoRemove": options["rm"],
        "VolumeDriver": options["volume-driver"],
        "VolumesFrom": _list(options["volumes-from"]),
        "ConsoleSize": [0, 0],
        "CapAdd": _capabilities(options["cap-add"]),
        "CapDrop": _capabilities(options["cap-drop"]),
        "CgroupnsMode": options["cgroupns"],
        "Dns": list(options["dns"]),
        "DnsOptions": list(options["dns-option"]),
        "DnsSearch": list(options["dns-search"]),
        "ExtraHosts": _list(options["add-host"]),
        "GroupAdd": _list(options["group-add"]),
        "IpcMode": options["ipc"],
        "Cgroup": "",
        "Links": _list(options["link"]),
        "OomScoreAdj": options["oom-score-adj"],
        "PidMode": options["pid"],
        "Privileged": options["privileged"],
        "PublishAllPorts": options["publish-all"],
        "ReadonlyRootfs": options["read-only"],
        "SecurityOpt": security,
        "UTSMode": options["uts"],
        "UsernsMode": options["userns"],
        "ShmSize": options["shm-size"],
        "Isolation": options["isolation"],
        **resource_limits(options),
        **parse_devices(options),
        "MaskedPaths": masked_paths,
        "ReadonlyPaths": readonly_paths,
    }
    document.update(_optional_members(options, sources))
    return document


def _optional_members(options: "Options", sources: Sources) -> "Document":
    """Members that the original leaves out while they are empty."""
    storage = {}
    for option in options["storage-opt"]:
        key, equals, value = option.partition("=")
        if not equals:
            raise InvalidArgument("invalid storage option")
        storage[key] = value
    members: Document = {
        "Annotations": options["annotation"],
        "StorageOpt": storage,
        "Tmpfs": {path: content for path, _, content in (text.partition(":") for text in options["tmpfs"])},
        "Sysctls": options["sysctl"],
        "Runtime": options["runtime"],
        "Mounts": [_with_absolute_source(mount, sources) for mount in options["mount"]],
    }
    members = {name: value for name, value in members.items() if value}
    if "init" in options.changed:
        members["Init"] = options["init"]
    return members


def _with_absolute_source(mount: "Document", sources: Sources) -> "Document":
    source = mount.get("Source", "")
    return {**mount, "Source": sources.absolute(source)} if source.startswith(".") else mount


def _log_config(options: "Options") -> "Document":
    if options["log-driver"] == "none" and options["log-opt"]:
        raise InvalidArgument("invalid logging opts for driver none")
    return {"Type": options["log-driver"], "Config": variables.pairs(options["log-opt"])}


def restart_policy(text: str) -> "Document":
    """no, always, unless-stopped or on-failure[:count]; "" for none."""
    name, colon, count = text.partition(":")
    if colon and not name:
        raise InvalidArgument("invalid restart policy format: no policy provided before colon")
    digits = count[1:] if count[:1] in ("+", "-") else count
    if count and not (digits.isascii() and digits.isdigit()):
        raise InvalidArgument("invalid restart policy format: maximum retry count must be an integer")
    return {"Name": name, "MaximumRetryCount": int(count or "0")}


def _health_check(options: "Options") -> "Document | None":
    members = {
        "Interval": "health-interval",
        "Timeout": "health-timeout",
        "StartPeriod": "health-start-period",
        "StartInterval": "health-start-interval",
        "Retries": "health-retries",
    }
    health: Document = {member: options[flag] for member, flag in members.items() if options[flag]}
    if options["no-healthcheck"]:
        if health or options["health-cmd"]:
            raise InvalidArgument("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    for flag in ("health-interval", "health-timeout", "health-retries", "health-start-period", "health-start-interval"):
        if options[flag] < 0:
            raise InvalidArgument(f"--{flag} cannot be negative")
    if options["health-cmd"]:
        health["Test"] = ["CMD-SHELL", options["health-cmd"]]
    return health or None


def _check_modes(options: "Options") -> None:
    """Modes that only the client refuses."""
    pid = options["pid"]
    if pid not in ("", "host") and not (pid.startswith("container:") and len(pid) > len("container:")):
        raise InvalidArgument("--pid: invalid PID mode")
    if options["uts"] not in ("", "host"):
        raise InvalidArgument("--uts: invalid UTS mode")
    if options["userns"] not in ("", "host"):
        raise InvalidArgument("--userns: invalid USER mode")
    if options["cgroupns"] not in ("", "private", "host"):
        raise InvalidArgument("--cgroupns: invalid CGROUP mode")


def _capabilities(names: "Any") -> list[str] | None:
    """CAP_NET_ADMIN for net_admin; sorted, each once. ALL stays."""
    upper = {name.strip().upper() for name in names}
    return sorted(name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in upper) or None


def _list(values: "Any") -> list[str] | None:
    """What was never given is null, not an empty list, as Go's nil slices are."""
    return list(values) or None

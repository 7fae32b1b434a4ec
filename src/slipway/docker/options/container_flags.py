"""The flags that `run` and `create` share: everything about the container to make. A table."""

from slipway.docker.options import validation
from slipway.docker.options.flags import Flag, boolean, duration, integer, mapping, size, text, texts
from slipway.docker.options.gpus import device_request_from_text
from slipway.docker.options.mounts import mount_from_text
from slipway.docker.options.networks import network_from_text
from slipway.docker.options.quantities import integer_parser, nano_cpus_from_text, swap_from_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_CGROUPNS_HELP = """Whose cgroup namespace to use (host|private)
'host':    that of the machine
'private': one of the container's own
'':        what the daemon's default-cgroupns-mode
           option says (default)"""


def _rated_devices(name: str, description: str, convert: "Callable[[str], Any]") -> Flag:
    return texts(name, description, convert=convert, default_text="[]")


def container_flags() -> list[Flag]:
    return [
        *_process_flags(),
        *_security_flags(),
        *_network_flags(),
        *_storage_flags(),
        *_health_flags(),
        *_resource_flags(),
    ]


def _process_flags() -> list[Flag]:
    return [
        texts("attach", "Attach to STDIN, STDOUT or STDERR", short="a", convert=validation.attach_stream),
        mapping("annotation", "Add an annotation to the container (the OCI runtime gets it too)"),
        text("cidfile", "Write the container's ID into this file"),
        texts("device", "Give the container a device of the machine"),
        texts("device-cgroup-rule", "Add a rule to the list of allowed devices", convert=validation.device_cgroup_rule),
        text("domainname", "NIS domain name of the container"),
        text("entrypoint", "Run this in place of the image's ENTRYPOINT"),
        texts("env", "Set environment variables", short="e", convert=validation.environment_variable),
        texts("env-file", "Read environment variables from a file"),
        Flag(
            "gpus",
            "Graphics processors to give to the container ('all' for all)",
            type_name="gpu-request",
            convert=device_request_from_text,
            collect="many",
            default=(),
        ),
        texts("group-add", "Join further groups"),
        text("hostname", "Host name of the container", short="h"),
        boolean("init", "Run an init in the container that forwards signals and reaps processes"),
        boolean("interactive", "Keep STDIN open, also while nobody is attached", short="i"),
        text("ipc", "IPC namespace to use"),
        text("isolation", "How to isolate the container (Windows)"),
        texts("label", "Set labels on the container", short="l", convert=validation.label),
        texts("label-file", "Read labels from a file, one per line"),
        text("pid", "PID namespace to use"),
        boolean("read-only", "Mount the container's root filesystem read only"),
        text("restart", "When to restart the container after it exits", default="no"),
        boolean("rm", "Remove the container and its anonymous volumes when it exits"),
        text("runtime", "OCI runtime to use for this container"),
        text("stop-signal", "Signal that stops the container"),
        integer("stop-timeout", "Seconds that a stop waits before it kills"),
        mapping("sysctl", "Set kernel parameters of the container's namespaces", convert=validation.sysctl),
        boolean("tty", "Allocate a pseudo-TTY", short="t"),
        Flag(
            "ulimit",
            "Set resource limits of processes",
            type_name="ulimit",
            convert=validation.ulimit,
            collect="many",
            default=(),
            default_text="[]",
        ),
        text("user", "User name or UID (format: <name|uid>[:<group|gid>])", short="u"),
        text("uts", "UTS namespace to use"),
        text("workdir", "Working directory inside the container", short="w"),
    ]


def _security_flags() -> list[Flag]:
    return [
        texts("cap-add", "Add Linux capabilities"),
        texts("cap-drop", "Drop Linux capabilities"),
        text("cgroup-parent", "Put the container's cgroup below this one"),
        text("cgroupns", _CGROUPNS_HELP),
        boolean("privileged", "Give the container all privileges"),
        texts("security-opt", "Security options"),
        text("userns", "User namespace to use"),
    ]


def _network_flags() -> list[Flag]:
    return [
        texts("add-host", "Add a line to the container's hosts file (host:ip)", convert=validation.extra_host),
        texts("dns", "DNS servers for the container", convert=validation.ip_address),
        texts("dns-opt", alias_of="dns-option"),
        texts("dns-option", "Options of the DNS resolver"),
        texts("dns-search", "Domains to search for short names", convert=validation.dns_search),
        texts("expose", "Expose a port or a range of ports"),
        text("ip", "IPv4 address (e.g., 172.30.100.104)"),
        text("ip6", "IPv6 address (e.g., 2001:db8::33)"),
        texts("link", "Link to another container", convert=validation.link),
        texts("link-local-ip", "Link-local addresses, IPv4 or IPv6"),
        text("mac-address", "MAC address (e.g., 92:d0:c6:0a:29:33)"),
        Flag("net", collect="many", default=(), convert=network_from_text, alias_of="network"),
        texts("net-alias", alias_of="network-alias"),
        Flag(
            "network",
            "Connect the container to a network",
            type_name="network",
            convert=network_from_text,
            collect="many",
            default=(),
        ),
        texts("network-alias", "Further name of the container on its network"),
        texts("publish", "Publish a port, or a range, of the container on the host", short="p"),
        boolean("publish-all", "Publish every exposed port on a free port of the host", short="P"),
    ]


def _storage_flags() -> list[Flag]:
    return [
        text("log-driver", "Log driver of the container"),
        texts("log-opt", "Options of the log driver"),
        Flag(
            "mount",
            "Mount a file system into the container",
            type_name="mount",
            convert=mount_from_text,
            collect="many",
            default=(),
        ),
        size("shm-size", "Size of /dev/shm"),
        texts("storage-opt", "Options of the storage driver for this container"),
        texts("tmpfs", "Mount a tmpfs at this directory"),
        texts("volume", "Mount a volume, or a directory of the host", short="v"),
        text("volume-driver", "Volume driver of the container"),
        texts("volumes-from", "Mount the volumes of other containers too"),
    ]


def _health_flags() -> list[Flag]:
    return [
        text("health-cmd", "Command that checks the container's health"),
        duration("health-interval", "Time between two checks (ms|s|m|h) (default 0s)"),
        integer("health-retries", "Failures in a row that make the container unhealthy"),
        duration("health-start-interval", "Time between two checks during the start period (ms|s|m|h) (default 0s)"),
        duration("health-start-period", "Time to start up, in which failures do not count (ms|s|m|h) (default 0s)"),
        duration("health-timeout", "Longest that one check may take (ms|s|m|h) (default 0s)"),
        boolean("no-healthcheck", "Check nothing, whatever the image's HEALTHCHECK says"),
    ]


def _resource_flags() -> list[Flag]:
    return [
        integer(
            "blkio-weight",
            "Weight of block I/O, from 10 to 1000, or 0 for none (default 0)",
            type_name="uint16",
            convert=integer_parser(16, signed=False),
        ),
        _rated_devices("blkio-weight-device", "Weight of block I/O on one device", validation.weighted_device),
        integer("cpu-count", "Number of CPUs (Windows)", is_hidden=True),
        integer("cpu-percent", "Per cent of CPU (Windows)", is_hidden=True),
        integer("cpu-period", "Length of a period of the CPU's fair scheduler"),
        integer("cpu-quota", "CPU time within a period of the fair scheduler"),
        integer("cpu-rt-period", "Length of a period of the real-time scheduler, in microseconds"),
        integer("cpu-rt-runtime", "CPU time within a period of the real-time scheduler, in microseconds"),
        integer("cpu-shares", "CPU shares (a relative weight)", short="c"),
        Flag("cpus", "Number of CPUs", type_name="decimal", convert=nano_cpus_from_text, default=0),
        text("cpuset-cpus", "CPUs to run on (0-3, 0,1)"),
        text("cpuset-mems", "Memory nodes to use (0-3, 0,1)"),
        _rated_devices("device-read-bps", "Most bytes per second to read from a device", validation.byte_rate),
        _rated_devices("device-read-iops", "Most reads per second from a device", validation.operation_rate),
        _rated_devices("device-write-bps", "Most bytes per second to write to a device", validation.byte_rate),
        _rated_devices("device-write-iops", "Most writes per second to a device", validation.operation_rate),
        size("io-maxbandwidth", "Most bytes per second of the system drive (Windows)", is_hidden=True),
        integer("io-maxiops", "Most operations per second of the system drive (Windows)", is_hidden=True),
        size("kernel-memory", "Limit of kernel memory"),
        size("memory", "Limit of memory", short="m"),
        size("memory-reservation", "Memory that is left to the container when memory is short"),
        size("memory-swap", "Limit of memory and swap together: '-1' for unlimited swap", convert=swap_from_text),
        integer("memory-swappiness", "How readily the container's memory is swapped (0 to 100)", default=-1),
        boolean("oom-kill-disable", "Never kill the container for want of memory"),
        integer("oom-score-adj", "Adjust who is killed first when memory is out (-1000 to 1000)"),
        integer("pids-limit", "Limit of processes (-1 for unlimited)"),
    ]

"""dockerd's flags and configuration file, decoded. The file's keys are those of the original's daemon.json."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, NoReturn

from slipway.base.errors import InvalidArgument, NotFound, NotImplementedByEngine
from slipway.base.identifiers import integer_from_text
from slipway.base.version import VERSION
from slipway.contracts.engine_api.host_config import LogConfig
from slipway.dockerd.containers.streams.log_files import check_default_log
from slipway.dockerd.registries.model import RegistrySettings, settings_from_texts
from slipway.dockerd.system.model import TransferSettings
from slipway.service.configuration import read_json
from slipway.service.instance import Instance

DEFAULT_CONFIG: Final = "/etc/docker/daemon.json"
_MANY: Final = 1 << 31


@dataclass(frozen=True, kw_only=True)
class DaemonSettings:
    """Everything that can be told to dockerd."""

    instance: Instance = field(default_factory=Instance)
    log_level: str = "info"
    log_format: str = "text"
    socket_group: str = "docker"
    log_driver: str = "json-file"
    log_options: Mapping[str, str] = field(default_factory=dict)
    runtimes: Mapping[str, str] = field(default_factory=dict)  # name → path of an OCI runtime
    default_runtime: str = "runc"
    snapshotter: str = ""  # empty: overlayfs where containerd can serve it, or else native
    init_path: str = ""
    live_restore: bool = True  # containers outlive the daemon's orderly end, too
    show_version: bool = False
    registries: RegistrySettings = field(default_factory=RegistrySettings)
    registry_certificates: str = "/etc/docker/certs.d"
    transfers: TransferSettings = field(default_factory=TransferSettings)
    is_open_to_network: bool = False  # TCP without TLS is wanted: --tls=false
    only_validate: bool = False  # the configuration has been asked about, not the daemon


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        what, _, words = message.partition(": ")
        if what == "unrecognized arguments":
            message = f"unknown flag: {words}" if words.startswith("-") else '"dockerd" accepts no arguments'
        raise InvalidArgument(message, hint="see dockerd --help")


def settings_from_arguments(arguments: Sequence[str]) -> DaemonSettings:
    """Flags and the configuration file over defaults. Raises InvalidArgument, NotFound.

    What both say is refused, as the original does: nobody could tell which of them was meant.
    """
    parsed = _parser().parse_args(list(arguments))
    if parsed.version:
        return DaemonSettings(show_version=True)
    flags = {name: value for name, value in vars(parsed).items() if value not in (None, False, [])}
    for name in ("version", "config_file", "validate"):
        flags.pop(name, None)
    try:
        table = _file(parsed.config_file)
        _refuse_both(flags, table)
        _settings(table)  # the file alone: what is wrong with a flag is not the file's
    except (InvalidArgument, NotFound, NotImplementedByEngine) as error:
        file = parsed.config_file or DEFAULT_CONFIG
        message = f"unable to configure the Docker daemon with file {file}: {error.message}"
        raise type(error)(message, hint=error.hint) from error
    settings = replace(_settings({**table, **flags}), only_validate=parsed.validate)
    check_default_log(LogConfig(type=settings.log_driver, config=settings.log_options))
    _check_listeners(settings)
    return settings


def _check_listeners(settings: DaemonSettings) -> None:
    """TCP only where somebody has said that it is to be open. Raises InvalidArgument."""
    if settings.is_open_to_network:
        return
    for host in settings.instance.hosts:
        if host.startswith("tcp://"):
            raise InvalidArgument(
                f"listen on {host}: whoever can reach it is root on this machine, and TLS is not supported yet",
                hint="give --tls=false to listen without TLS",
            )


def _refuse_both(flags: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    both = [name for name in flags if name in table]
    if both:
        said = ", ".join(
            f"{_spelled(name)}: (from flag: {_shown(flags[name])}, from file: {_shown(table[name])})" for name in both
        )
        raise InvalidArgument(
            f"the following directives are specified both as a flag and in the configuration file: {said}"
        )


def _spelled(name: str) -> str:
    """A key as people write it."""
    return name.replace("_", "-")


def _shown(value: object) -> str:
    return f"[{' '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="dockerd",
        usage="dockerd [OPTIONS]",
        description="The Docker Engine's daemon, by Slipway.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-H", "--host", dest="hosts", action="append", metavar="URL", help="where to listen (unix:///path, tcp://a:p)")
    add("--data-root", metavar="DIR", help="where what is to stay is kept")
    add("--exec-root", metavar="DIR", help="where what ends with the machine is kept")
    add("-p", "--pidfile", metavar="FILE", help="the daemon's PID file")
    add("-G", "--group", metavar="NAME", help="the group of the unix socket")
    add("--config-file", metavar="FILE", help=f"configuration ({DEFAULT_CONFIG})")
    add("--containerd", metavar="SOCKET", help="use this containerd; none is started then")
    add("--containerd-namespace", metavar="NAME", help="containerd namespace (moby)")
    add("--cgroup-parent", metavar="PATH", help="parent cgroup of all containers")
    add("--bridge", metavar="NAME", help="name of the default bridge")
    add("--bip", metavar="CIDR", help="address of the default bridge")
    add("--firewall-table", metavar="NAME", help="name of our nftables tables")
    add("--log-driver", metavar="NAME", help="default logging driver (json-file, local, none)")
    add("--log-opt", dest="log_opts", action="append", metavar="K=V", help="default log options")
    add("-l", "--log-level", metavar="LEVEL", help="debug, info, warn, error, fatal")
    add("--log-format", metavar="STYLE", help="text or json")
    add("-D", "--debug", action="store_true", help="the same as --log-level debug")
    add("-s", "--storage-driver", metavar="NAME", help="snapshotter (overlayfs, or else native)")
    add("--default-runtime", metavar="NAME", help="default OCI runtime (runc)")
    add("--add-runtime", dest="add_runtimes", action="append", metavar="NAME=PATH", help="a further OCI runtime")
    add("--init-path", metavar="FILE", help="the docker-init binary")
    add("--registry-mirror", dest="registry_mirrors", action="append", metavar="URL", help="a mirror of Docker Hub")
    insecure = "a registry (host, host:port or CIDR) that may do without verified TLS"
    add("--insecure-registry", dest="insecure_registries", action="append", metavar="HOST", help=insecure)
    certificates = "certificates of registries, a folder for each (/etc/docker/certs.d)"
    add("--registry-certificates", metavar="DIR", help=certificates)
    number = partial(add, type=_whole_number, metavar="N")
    number("--max-concurrent-downloads", help="layers of a pull that are fetched at once (3)")
    number("--max-concurrent-uploads", help="layers of a push that are sent at once (3)")
    number("--max-download-attempts", help="attempts at a layer before its pull fails (4)")
    live_restore = "containers outlive the end of the daemon (the default); with =false they are stopped"
    add("--live-restore", nargs="?", const="true", metavar="BOOL", help=live_restore)
    tls = "=false: listen on TCP without TLS, whoever can reach it is root (TLS itself is not supported yet)"
    add("--tls", nargs="?", const="true", metavar="BOOL", help=tls)
    add("--validate", action="store_true", help="say whether the configuration is sound, and quit")
    add("-v", "--version", action="store_true", help="print the version and quit")
    return parser


def _file(path: str | None) -> dict[str, Any]:
    """The configuration file's table, with our names for its keys. The default one may be missing."""
    try:
        table = read_json(path or DEFAULT_CONFIG)
    except NotFound:
        if path:
            raise
        return {}
    return {key.replace("-", "_"): value for key, value in table.items()}


INSTANCE_KEYS: Final = {
    "data_root": "data_root",
    "exec_root": "exec_root",
    "pidfile": "pid_file",
    "containerd": "containerd_address",
    "containerd_namespace": "containerd_namespace",
    "cgroup_parent": "cgroup_parent",
    "bridge": "bridge",
    "bip": "bridge_address",
    "firewall_table": "firewall_table",
}
# Of people: a daemon's own folder is another.
PATHS: Final = frozenset(("data_root", "exec_root", "pidfile", "registry_certificates"))
SETTING_KEYS: Final = {
    "group": "socket_group",
    "log_driver": "log_driver",
    "log_level": "log_level",
    "log_format": "log_format",
    "storage_driver": "snapshotter",
    "default_runtime": "default_runtime",
    "init_path": "init_path",
    "registry_certificates": "registry_certificates",
}
TRANSFER_KEYS: Final = ("max_concurrent_downloads", "max_concurrent_uploads", "max_download_attempts")
REGISTRY_KEYS: Final = ("registry_mirrors", "insecure_registries")
IGNORED_KEYS: Final = frozenset(("features", "experimental"))
KNOWN_KEYS: Final = IGNORED_KEYS.union(
    INSTANCE_KEYS,
    SETTING_KEYS,
    REGISTRY_KEYS,
    TRANSFER_KEYS,
    ("hosts", "debug", "live_restore", "log_opts", "add_runtimes", "runtimes", "tls"),
)


def _settings(table: Mapping[str, Any]) -> DaemonSettings:
    instance, settings = Instance(), DaemonSettings()
    if unknown := [key for key in table if key not in KNOWN_KEYS]:
        spelled = ", ".join(map(_spelled, unknown))
        raise InvalidArgument(f"the following directives don't match any configuration option: {spelled}")
    changes: dict[str, Any] = {}
    is_debugging = False
    for key, value in table.items():
        if key in INSTANCE_KEYS:
            names: dict[str, Any] = {INSTANCE_KEYS[key]: _place(key, value)}
            instance = replace(instance, **names)
        elif key in SETTING_KEYS:
            changes[SETTING_KEYS[key]] = _place(key, value)
        elif key == "hosts":
            instance = replace(instance, hosts=tuple(_texts(key, value)))
        elif key == "debug":
            is_debugging = _boolean(key, value)
        elif key == "live_restore":
            changes["live_restore"] = _boolean(key, value)
        elif key == "tls":
            changes["is_open_to_network"] = not _boolean(key, value)
            if not changes["is_open_to_network"]:
                raise NotImplementedByEngine("TLS is not supported by this engine yet")
        elif key == "log_opts":
            changes["log_options"] = _strings(key, value) if isinstance(value, Mapping) else _pairs(key, value)
        elif key == "add_runtimes":
            changes["runtimes"] = {**changes.get("runtimes", {}), **_pairs(key, value)}
        elif key == "runtimes":
            changes["runtimes"] = {**_runtimes(value), **changes.get("runtimes", {})}
    changes["registries"] = settings_from_texts(*(_texts(key, table.get(key, [])) for key in REGISTRY_KEYS))
    changes["transfers"] = TransferSettings(**{key: _count(key, table.get(key, 0)) for key in TRANSFER_KEYS})
    if is_debugging:  # whatever the level is said to be
        changes["log_level"] = "debug"
    return replace(settings, instance=_below_roots(instance, table), **changes)


def _below_roots(instance: Instance, table: Mapping[str, Any]) -> Instance:
    """An instance with roots of its own keeps its containerd's below them."""
    if "data_root" in table:
        instance = replace(instance, containerd_data_root=f"{instance.data_root}/containerd")
    if "exec_root" in table:
        instance = replace(instance, containerd_state_root=f"{instance.exec_root}/containerd/daemon")
    return instance


def _runtimes(value: object) -> dict[str, str]:
    """daemon.json: {"NAME": {"path": "/..."}}."""
    if not isinstance(value, Mapping) or not all(isinstance(entry, Mapping) for entry in value.values()):
        raise InvalidArgument("configuration key 'runtimes' must be an object of objects")
    return {name: _text(f"runtimes.{name}.path", entry.get("path", "")) for name, entry in value.items()}


def _pairs(key: str, value: object) -> dict[str, str]:
    pairs = {}
    for text in _texts(key, value):
        name, separator, rest = text.partition("=")
        if not separator or not name:
            raise InvalidArgument(f"--{key.replace('_', '-').rstrip('s')}: {text!r} is not NAME=VALUE")
        pairs[name] = rest
    return pairs


def _strings(key: str, value: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(f"{key}.{name}", one) for name, one in value.items()}


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"configuration key {_spelled(key)!r} must be a string")
    return value


def _place(key: str, value: object) -> str:
    text = _text(key, value)
    return os.path.abspath(text) if key in PATHS and text else text


def _boolean(key: str, value: object) -> bool:
    """true or false of the file, or a flag's word for it."""
    words = {True: True, False: False, "true": True, "1": True, "false": False, "0": False}
    if not isinstance(value, bool | str) or value not in words:
        raise InvalidArgument(f"configuration key {_spelled(key)!r} must be true or false")
    return words[value]


def _count(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument(f"configuration key {_spelled(key)!r} must be a whole number")
    if not 0 <= value < _MANY:
        raise InvalidArgument(f"invalid {key.replace('_', ' ')}: {value}")
    return value


def _whole_number(text: str) -> int:
    """A flag's."""
    try:
        return integer_from_text(text, low=-_MANY)
    except InvalidArgument as error:
        raise argparse.ArgumentTypeError(error.message) from error


def _texts(key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InvalidArgument(f"configuration key {_spelled(key)!r} must be a list of strings")
    return value


def version_line() -> str:
    return f"Docker version 28.5.2, build slipway-{VERSION}"

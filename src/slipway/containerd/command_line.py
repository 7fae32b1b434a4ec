"""containerd's command line: the original's flags and commands."""

import argparse
import os
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from slipway.base.errors import InvalidArgument
from slipway.containerd.configuration.model import DIFFERS, PluginSettings, Settings
from slipway.containerd.configuration.read import Remark, read_settings

DEFAULT_CONFIGURATION: Final = "/etc/containerd/config.toml"
_DIFFERS_HERE: Final = f"there is {' and '.join(DIFFERS)}"
_LONG_FLAGS: Final = ("address", "root", "state", "config", "log-level", "version", "help", "topic", "namespace")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """`command` is "", "config default", "config dump", "config migrate", "publish", "oci-hook" or "version"; the rest
    as given, empty where not. `hook` is the command line that oci-hook becomes."""

    command: str = ""
    address: str = ""
    root: str = ""
    state: str = ""
    configuration: str = ""
    level: str = ""
    topic: str = ""
    namespace: str = ""
    hook: tuple[str, ...] = ()


def parse_arguments(arguments: list[str]) -> Arguments:
    """Raises SystemExit with status 2 and one sentence for what is not understood, and 0 after --help."""
    words = ["--help", *arguments[1:]] if arguments[:1] == ["help"] else arguments
    given = _parser().parse_args([_two_dashes(word) for word in _before_hook(words)])
    command = given.command or ""
    if command == "config":
        command = f"config {given.action}"
    if given.version:
        command = "version"
    return Arguments(
        command=command,
        address=given.address,
        root=given.root,
        state=given.state,
        configuration=given.config,
        level=given.log_level,
        topic=getattr(given, "topic", ""),
        namespace=getattr(given, "namespace", ""),
        hook=tuple(arguments[len(_before_hook(arguments)) :]),
    )


def settings_from_arguments(arguments: Arguments) -> tuple[Settings, list[Remark]]:
    """The configuration file's settings, changed by the flags, and what there is to say about the file.

    Raises NotFound for a file that was named and is not there, and what `read_settings` raises.
    """
    settings, remarks = _settings_from_file(arguments.configuration)
    if arguments.root:
        settings = replace(settings, root=os.path.abspath(arguments.root))
    if arguments.state:
        settings = replace(settings, state=os.path.abspath(arguments.state))
    if arguments.address:
        settings = replace(settings, grpc=replace(settings.grpc, address=arguments.address))
    elif arguments.state and not arguments.configuration:
        settings = replace(settings, grpc=replace(settings.grpc, address=f"{settings.state}/containerd.sock"))
    if arguments.level:
        settings = replace(settings, debug=replace(settings.debug, level=arguments.level))
    return settings, remarks


def check_settings(settings: Settings) -> None:
    """Whether a daemon can be started with them. Raises InvalidArgument."""
    if settings.root == settings.state:
        raise InvalidArgument(f"root and state must be different paths, both are {settings.root}")
    if not -1000 <= settings.oom_score <= 1000:
        raise InvalidArgument(f"oom_score: expected a number from -1000 to 1000, got {settings.oom_score}")
    for entry in settings.plugins.shim.env:
        if "=" not in entry:
            raise InvalidArgument(f"environment of shims: expected NAME=VALUE, got {entry!r}")
    pause = settings.plugins.scheduler.pause_threshold
    if not 0 <= pause <= 1:
        raise InvalidArgument(f"pause_threshold: expected a number from 0 to 1, got {pause}")
    if settings.max_download_attempts < 1:
        raise InvalidArgument(f"max_download_attempts: expected 1 or more, got {settings.max_download_attempts}")
    _check_differs(settings.plugins)


def _check_differs(plugins: PluginSettings) -> None:
    """There is one differ, so its place in a list decides nothing; but nobody shall think that another is asked."""
    service = "diff-service: default"
    if not plugins.diff.default:
        raise InvalidArgument(f"{service}: expected at least one differ", hint=_DIFFERS_HERE)
    named = [(service, name) for name in plugins.diff.default]
    named += [("unpack_config: differ", unpack.differ) for unpack in plugins.transfer.unpack_config if unpack.differ]
    for key, name in named:
        if name not in DIFFERS:
            raise InvalidArgument(f"{key}: needed differ not loaded: {name}", hint=_DIFFERS_HERE)


def _settings_from_file(path: str) -> tuple[Settings, list[Remark]]:
    if path or os.path.exists(DEFAULT_CONFIGURATION):
        return read_settings(path or DEFAULT_CONFIGURATION)
    return Settings(), []


def _before_hook(arguments: list[str]) -> list[str]:
    """The arguments up to `oci-hook`: what follows it is another program's."""
    return arguments[: arguments.index("oci-hook") + 1] if "oci-hook" in arguments else arguments


def _two_dashes(word: str) -> str:
    """Go's flags may have one dash."""
    name = word.removeprefix("-").partition("=")[0]
    return f"-{word}" if word.startswith("-") and name in _LONG_FLAGS else word


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"containerd: {message}\n")


def _parser() -> argparse.ArgumentParser:
    description = "Runs containers for clients of its gRPC API. Without a command it serves until it is told to stop."
    parser = _Parser(prog="containerd", description=description, allow_abbrev=False)
    _add_flags(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    configuration = commands.add_parser("config", help="show the configuration", allow_abbrev=False)
    actions = configuration.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("default", help="what holds without a file, as a file that containerd 1.7 and 2.x read, too")
    actions.add_parser("dump", help="what holds with the file and its imports, in that form")
    actions.add_parser("migrate", help="the same in the newest form, version 3, which containerd 2.x reads")
    publish = commands.add_parser("publish", help="send an event from standard input (for shims)", allow_abbrev=False)
    publish.add_argument("--topic", required=True, help="of the event")
    publish.add_argument("--namespace", required=True, help="where it happened")
    hook = "become the program that is named, with {{id}}, {{bundle}}, {{rootfs}}, {{pid}}, {{status}} filled in"
    commands.add_parser("oci-hook", help=f"{hook} from the state on standard input", allow_abbrev=False)
    return parser


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", "-a", default="", help="the socket of the gRPC API")
    parser.add_argument("--root", default="", help="the folder of what stays")
    parser.add_argument("--state", default="", help="the folder of what a restart of the machine may take")
    parser.add_argument("--config", "-c", default="", help=f"the configuration file (default: {DEFAULT_CONFIGURATION})")
    parser.add_argument("--log-level", "-l", default="", help="trace, debug, info, warn, error, fatal or panic")
    parser.add_argument("--version", "-v", action="store_true", help="print the version")

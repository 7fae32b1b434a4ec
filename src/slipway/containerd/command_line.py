"""containerd's command line: the original's flags, of the words that users and dockerd give."""

import argparse
from dataclasses import dataclass, replace
from typing import Final

from slipway.base.errors import NotFound
from slipway.containerd.settings import Settings
from slipway.service.configuration import read_toml, settings_from_table

DEFAULT_CONFIGURATION: Final = "/etc/containerd/config.toml"


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """`command` is "", "config default", "config dump", "publish", "version"; the rest as given, empty where not."""

    command: str = ""
    address: str = ""
    root: str = ""
    state: str = ""
    configuration: str = ""
    level: str = ""
    topic: str = ""
    namespace: str = ""


def parse_arguments(arguments: list[str]) -> Arguments:
    """Raises SystemExit with status 2 for what is not understood, and 0 after --help, as argparse does."""
    parser = _parser()
    given = parser.parse_args(arguments)
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
    )


def settings_from_arguments(arguments: Arguments) -> Settings:
    """The configuration file's settings, changed by the flags. Raises NotFound for a file that was named and is not
    there."""
    settings = _settings_from_file(arguments.configuration)
    if arguments.root:
        settings = replace(settings, root=arguments.root)
    if arguments.state:
        settings = replace(settings, state=arguments.state)
    if arguments.address:
        settings = replace(settings, grpc=replace(settings.grpc, address=arguments.address))
    elif arguments.state and not arguments.configuration:
        settings = replace(settings, grpc=replace(settings.grpc, address=f"{arguments.state}/containerd.sock"))
    if arguments.level:
        settings = replace(settings, debug=replace(settings.debug, level=arguments.level))
    return settings


def _settings_from_file(path: str) -> Settings:
    try:
        table = read_toml(path or DEFAULT_CONFIGURATION)
    except NotFound:
        if path:
            raise
        return Settings()
    return settings_from_table(Settings, table, where=path or DEFAULT_CONFIGURATION)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="containerd", description="Runs containers for clients of its gRPC API.")
    _add_flags(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    configuration = commands.add_parser("config", help="show the configuration")
    configuration.add_argument("action", choices=("default", "dump"))
    publish = commands.add_parser("publish", help="send an event from standard input (for shims)")
    publish.add_argument("--topic", required=True)
    publish.add_argument("--namespace", required=True)
    return parser


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", "-a", default="", help="the socket of the gRPC API")
    parser.add_argument("--root", default="", help="the folder of what stays")
    parser.add_argument("--state", default="", help="the folder of what a restart of the machine may take")
    parser.add_argument("--config", "-c", default="", help=f"the configuration file (default: {DEFAULT_CONFIGURATION})")
    parser.add_argument("--log-level", "-l", default="", help="trace, debug, info, warn, error, fatal or panic")
    parser.add_argument("--version", "-v", action="store_true", help="print the version")

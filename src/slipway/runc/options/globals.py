"""The flags before the command. Pure."""

from slipway.base.errors import InvalidArgument
from slipway.runc.options.parse import SWITCH, TEXT, Flag, parse_options

DEFAULT_ROOT = "/run/runc"

FLAGS = (
    Flag(SWITCH, "debug"),
    Flag(TEXT, "log"),
    Flag(TEXT, "log-format"),
    Flag(TEXT, "root"),
    Flag(TEXT, "criu"),
    Flag(SWITCH, "systemd-cgroup"),
    Flag(TEXT, "rootless"),
    Flag(SWITCH, "help", "h"),
    Flag(SWITCH, "version", "v"),
)


class Invocation:
    """One call of the program: what the global flags say, the verb, and its own words."""

    __slots__ = ("debug", "help", "log", "log_json", "root", "systemd_cgroup", "verb", "version", "words")

    def __init__(self, words: list[str], environment_root: str) -> None:
        """`environment_root` is where states live without --root. Raises InvalidArgument."""
        options = parse_options(FLAGS, words, interleaved=False)
        self.debug = options.switch("debug")
        self.help = options.switch("help")
        self.version = options.switch("version")
        self.log = options.text("log")
        self.root = options.text("root", environment_root)
        self.systemd_cgroup = options.switch("systemd-cgroup")
        self.verb = options.arguments[0] if options.arguments else ""
        self.words = options.arguments[1:]
        log_format = options.text("log-format", "text")
        if log_format not in ("text", "json", ""):
            raise InvalidArgument(f"invalid log-format: {log_format}")
        self.log_json = log_format == "json"

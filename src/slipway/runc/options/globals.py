"""The flags before the command. Pure."""

from slipway.base.errors import InvalidArgument
from slipway.runc.options.parse import SWITCH, TEXT, Flag, UsageError, parse_options

DEFAULT_ROOT = "/run/runc"

FLAGS = (
    Flag(SWITCH, "debug"),
    Flag(TEXT, "log"),
    Flag(TEXT, "log-format"),
    Flag(TEXT, "root"),
    Flag(TEXT, "criu"),
    Flag(SWITCH, "systemd-cgroup"),
    Flag(TEXT, "rootless"),
)
_WITH_VERSION = (*FLAGS, Flag(SWITCH, "version", "v"))
_YES_OR_NO = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


class Invocation:
    """One call of the program: what the global flags say, the verb, and its own words."""

    __slots__ = (
        "criu",
        "debug",
        "help",
        "is_root_given",
        "log",
        "log_format",
        "log_json",
        "root",
        "rootless",
        "systemd_cgroup",
        "verb",
        "version",
        "words",
    )

    def __init__(self, words: list[str], environment_root: str) -> None:
        """`environment_root` is where states live without --root. Raises UsageError, InvalidArgument."""
        try:
            options = parse_options(_WITH_VERSION, words, interleaved=False)
        except UsageError as error:
            raise UsageError(error.message, f"Incorrect Usage. {error.message}") from None
        self.debug = options.switch("debug")
        self.help = options.help
        self.version = options.switch("version")
        self.criu = options.given("criu")
        self.log = options.text("log")
        self.root = options.text("root", environment_root)
        self.is_root_given = options.given("root")
        self.systemd_cgroup = options.switch("systemd-cgroup")
        self.rootless = options.text("rootless", "auto")
        self.verb = options.arguments[0] if options.arguments else ""
        self.words = options.arguments[1:]
        self.log_format = options.text("log-format", "text")
        if self.log_format not in ("text", "json", ""):
            raise InvalidArgument(f"invalid log-format: {self.log_format}")
        self.log_json = self.log_format == "json"


def rootless_from_text(text: str) -> "bool | None":
    """What --rootless says; None means: see who we are. Raises InvalidArgument in the original's words."""
    if text == "" or text.lower() == "auto":
        return None
    if text not in _YES_OR_NO:
        raise InvalidArgument(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return _YES_OR_NO[text]

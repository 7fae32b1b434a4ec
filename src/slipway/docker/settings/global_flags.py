"""The flags before the command's name. Pure."""

from slipway.docker.options.flags import Flag, boolean, text, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def global_flags(directory: str) -> "Sequence[Flag]":
    """`directory` is the configuration's, for the defaults that help shows."""
    return (
        text("config", "Directory of the client's configuration files", default=directory),
        text(
            "context",
            "Connect through the context of this name (overrides the DOCKER_HOST"
            ' variable and the context set with "docker context use")',
            short="c",
        ),
        boolean("debug", "Show debug messages", short="D"),
        texts("host", "Address of the daemon to connect to", short="H"),
        text(
            "log-level",
            'Least severe messages to show ("debug", "info", "warn", "error", "fatal")',
            short="l",
            default="info",
        ),
        boolean("tls", "Encrypt the connection; implied by --tlsverify"),
        text("tlscacert", "Trust certificates signed by this authority only", default=f"{directory}/ca.pem"),
        text("tlscert", "Path of our TLS certificate", default=f"{directory}/cert.pem"),
        text("tlskey", "Path of our TLS key", default=f"{directory}/key.pem"),
        boolean("tlsverify", "Encrypt the connection and check who answers"),
        boolean("version", "Print the client's version and quit", short="v"),
    )

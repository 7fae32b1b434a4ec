"""What a command has at hand: our streams, the settings, and the daemon (connected when first asked for)."""

from slipway.base.errors import EngineError, InvalidArgument
from slipway.docker.settings.config_file import ConfigFile
from slipway.docker.terminal.streams import STDERR, STDIN, STDOUT, Input, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.clients.dockerd.engine import Engine
    from slipway.docker.options.parser import Options


class CommandFailed(InvalidArgument):
    """A command ends with `status` and, where there is one, this message on stderr."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Session:
    """One invocation of the client. `now` is nanoseconds since the epoch, from the caller's clock."""

    def __init__(self, options: "Options", environment: "Mapping[str, str]", now: int) -> None:
        self.global_options = options
        self.environment = environment
        self.now = now
        self.input = Input(STDIN)
        self.output = Output(STDOUT)
        self.error_output = Output(STDERR)
        self.config = ConfigFile(options["config"], self.warn)
        self._engine: Engine | None = None

    @property
    def engine(self) -> "Engine":
        """The daemon of this invocation. Raises InvalidArgument or NotFound for a host or context that cannot be
        used.
        """
        if self._engine is None:
            self._engine = self._make_engine()
        return self._engine

    def _make_engine(self) -> "Engine":
        from slipway.clients.dockerd.engine import Engine
        from slipway.docker.settings.endpoint import resolve_endpoint

        if self.global_options["context"] and self.global_options["host"]:
            raise InvalidArgument("conflicting options: cannot specify both --host and --context")
        try:
            endpoint = resolve_endpoint(self.global_options, self.environment, self.config)
        except EngineError as error:
            raise InvalidArgument(f"Failed to initialize: unable to resolve docker endpoint: {error}") from error
        headers = self.config.members.get("HttpHeaders") or {}
        return Engine(
            endpoint.address,
            version=self.environment.get("DOCKER_API_VERSION", ""),
            tls=endpoint.tls,
            headers=[(str(name), str(value)) for name, value in headers.items()],
        )

    def print(self, text: str) -> None:
        """A line on stdout."""
        self.output.write_line(text)

    def warn(self, text: str) -> None:
        """A line on stderr."""
        self.error_output.write_line(text)


def fail_together(errors: "list[EngineError]") -> None:
    """Raise what went wrong with several operands as one failure, a line each; nothing where nothing did."""
    if errors:
        raise CommandFailed("\n".join(str(error) for error in errors))

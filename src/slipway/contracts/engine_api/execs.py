"""Requests about a further process in a running container."""

from dataclasses import dataclass

from slipway.contracts.engine_api.schema import decode_size, decode_string_list, member


@dataclass(frozen=True, kw_only=True)
class ExecConfig:
    """The body of POST /containers/{id}/exec."""

    user: str = member("")
    privileged: bool = member(False)
    tty: bool = member(False)
    console_size: tuple[int, ...] | None = member(None, decoder=decode_size)  # height, width
    attach_stdin: bool = member(False)
    attach_stderr: bool = member(False)
    attach_stdout: bool = member(False)
    detach_keys: str = member("")
    env: tuple[str, ...] | None = member(None)
    working_dir: str = member("")
    cmd: tuple[str, ...] | None = member(None, decoder=decode_string_list)


@dataclass(frozen=True, kw_only=True)
class ExecStart:
    """The body of POST /exec/{id}/start. `tty`: the client reads a terminal, whatever the exec has."""

    detach: bool = member(False)
    tty: bool = member(False)
    console_size: tuple[int, ...] | None = member(None, decoder=decode_size)  # height, width; instead of the exec's own

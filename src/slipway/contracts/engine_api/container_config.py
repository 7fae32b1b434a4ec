"""What a container is told to run, apart from the host it runs on: `Config` of the Engine API (28.5)."""

# ruff: noqa: RUF009 - `member` only describes a field

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.contracts.engine_api.schema import EmptyObject, decode_string_list, member


@dataclass(frozen=True, kw_only=True)
class HealthConfig:
    """Durations are nanoseconds; 0 inherits. `test` starts with NONE, CMD or CMD-SHELL."""

    test: tuple[str, ...] | None = member(None, omit_empty=True)
    interval: int = member(0, omit_empty=True)
    timeout: int = member(0, omit_empty=True)
    start_period: int = member(0, omit_empty=True)
    start_interval: int = member(0, omit_empty=True)
    retries: int = member(0, omit_empty=True)


@dataclass(frozen=True, kw_only=True)
class ContainerConfig:
    """Portable configuration. `exposed_ports` has keys like "80/tcp".

    After creation it is merged with the image's: `env`, `cmd`, `entrypoint`, `working_dir`, `user`, `labels`,
    `exposed_ports` and `volumes` then say what holds.
    """

    hostname: str = member("")
    domainname: str = member("")
    user: str = member("")
    attach_stdin: bool = member(False)
    attach_stdout: bool = member(False)
    attach_stderr: bool = member(False)
    exposed_ports: Mapping[str, EmptyObject] | None = member(None, omit_empty=True)
    tty: bool = member(False)
    open_stdin: bool = member(False)
    stdin_once: bool = member(False)
    env: tuple[str, ...] | None = member(None)
    cmd: tuple[str, ...] | None = member(None, decoder=decode_string_list)
    healthcheck: HealthConfig | None = member(None, omit_empty=True)
    args_escaped: bool = member(False, omit_empty=True)
    image: str = member("")
    volumes: Mapping[str, EmptyObject] | None = member(None)
    working_dir: str = member("")
    entrypoint: tuple[str, ...] | None = member(None, decoder=decode_string_list)
    network_disabled: bool = member(False, omit_empty=True)
    mac_address: str = member("", omit_empty=True)
    on_build: tuple[str, ...] | None = member(None)
    labels: Mapping[str, str] | None = member(None)
    stop_signal: str = member("", omit_empty=True)
    stop_timeout: int | None = member(None, omit_empty=True)
    shell: tuple[str, ...] | None = member(None, omit_empty=True, decoder=decode_string_list)

"""A further process in a running container, as the Engine API knows it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from slipway.contracts.engine_api.execs import ExecConfig
from slipway.dockerd.logs.interface import ProcessStreams


class Exec:
    """One exec: its configuration, and how it is. `exit_code` is None until it has ended."""

    def __init__(
        self, exec_id: str, container_id: str, config: ExecConfig, process: bytes, streams: ProcessStreams
    ) -> None:
        self.id = exec_id
        self.container_id = container_id
        self.config = config
        self.process = process  # the JSON of the OCI process
        self.streams = streams
        self.running = False
        self.started = False
        self.exit_code: int | None = None
        self.pid = 0
        self.ended = asyncio.Event()  # its end is taken into account

    def document(self) -> Mapping[str, Any]:
        """As GET /exec/{id}/json has it."""
        command = list(self.config.cmd or ())
        return {
            "ID": self.id,
            "Running": self.running,
            "ExitCode": self.exit_code,
            "ProcessConfig": {
                "tty": self.config.tty,
                "entrypoint": command[0] if command else "",
                "arguments": command[1:],
                "privileged": self.config.privileged,
                **({"user": self.config.user} if self.config.user else {}),
            },
            "OpenStdin": self.config.attach_stdin,
            "OpenStderr": self.config.attach_stderr,
            "OpenStdout": self.config.attach_stdout,
            "CanRemove": False,
            "ContainerID": self.container_id,
            "DetachKeys": "",
            "Pid": self.pid,
        }

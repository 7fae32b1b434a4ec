"""The names that this checkout's engine uses on the machine: all of its own, so that others can run beside it."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tools.dev.environment import CHECKOUT

LONGEST = 40  # a shim's socket is <state>/s/<64 digits>, and a socket's path ends at 107 bytes


@dataclass(frozen=True)
class DevInstance:
    """All lies below `folder` (.dev of the checkout), but the sockets where its path is too long for one."""

    checkout: Path

    @property
    def key(self) -> str:
        return hashlib.sha256(str(self.checkout).encode()).hexdigest()[:6]

    @property
    def folder(self) -> Path:
        return self.checkout / ".dev"

    @property
    def launchers(self) -> Path:
        return self.folder / "bin"

    @property
    def data(self) -> Path:
        """Images, containers, volumes: what `down` keeps (images) and `down --purge` removes."""
        return self.folder / "data"

    @property
    def run(self) -> Path:
        """Sockets, pid files, run state: what `down` removes."""
        place = self.folder / "run"
        return place if len(str(place)) <= LONGEST else Path(f"/run/slipway-{self.key}")

    @property
    def socket(self) -> Path:
        return self.run / "docker.sock"

    @property
    def pid_file(self) -> Path:
        return self.run / "docker.pid"

    @property
    def log(self) -> Path:
        return self.folder / "dockerd.log"

    @property
    def bridge(self) -> str:
        return f"slipway-{self.key}"

    @property
    def cgroup_parent(self) -> str:
        return f"slipway-{self.key}"

    @property
    def firewall_table(self) -> str:
        return f"slipway-{self.key}"

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def argv(self) -> list[str]:
        """dockerd's command line."""
        return [
            str(self.launchers / "dockerd"),
            f"--config-file={os.devnull}",  # the machine's daemon.json is for the engine that it has
            f"--data-root={self.data}",
            f"--exec-root={self.run}",
            f"--pidfile={self.pid_file}",
            f"--host={self.host}",
            f"--bridge={self.bridge}",
            f"--cgroup-parent={self.cgroup_parent}",
            f"--firewall-table={self.firewall_table}",
        ]


def here() -> DevInstance:
    return DevInstance(CHECKOUT)

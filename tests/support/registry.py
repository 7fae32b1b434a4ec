"""The original docker-registry, on 127.0.0.1:5000 of an engine's network: engines trust the loopback without TLS."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.support import docker, peers, processes
from tests.support.peers import OriginalEngine
from tests.support.waiting import wait_until

ADDRESS = "127.0.0.1:5000"
USER: Final = "me"
SECRET: Final = "very secret"
# What `htpasswd -B` makes of the two.
_PASSWORDS: Final = f"{USER}:$2b$05$abcdefghijklmnopqrstuu4mbRbpKmvm6292tduza7az6rb5HsuOS\n"
_ACCESS: Final = re.compile(r'"([A-Z]+) (/v2/\S*) HTTP/1\.1" (\d{3}) ')


def write_configuration(folder: Path, address: str, *, locked: bool) -> None:
    """registry.json in `folder`, for a registry that keeps its data there. `locked` wants USER and SECRET."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": address},
    }
    if locked:
        (folder / "htpasswd").write_text(_PASSWORDS)
        configuration["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    (folder / "registry.json").write_text(json.dumps(configuration))  # JSON is YAML


def requests_in(log: Path) -> list[tuple[str, str, int]]:
    """What a registry has been asked, by its own log: method, path and status."""
    return [(method, path, int(status)) for method, path, status in _ACCESS.findall(log.read_text())]


class Registry:
    """A registry that serves `folder` in the network that `enter` leads to, while the `with` lasts."""

    def __init__(
        self, folder: Path, enter: Sequence[str], suite: str = "sid", *, address: str = ADDRESS, locked: bool = False
    ) -> None:
        peers.install(suite)
        write_configuration(folder, address, locked=locked)
        self.address = address
        argv, self._environment = peers.enter(
            suite, "docker-registry", "serve", str(folder / "registry.json"), share=folder
        )
        self._argv = [*enter, *argv]
        self._enter = list(enter)
        self._folder, self._suite = folder, suite
        self._log = folder / "registry.log"

    def __enter__(self) -> Self:
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._answers, f"the registry; see {self._log}")
        except BaseException:  # an interrupt, too
            self.__exit__()
            raise
        return self

    def requests(self) -> list[tuple[str, str, int]]:
        return requests_in(self._log)

    def _answers(self) -> bool:
        ask = [*self._enter, "bash", "-c", f"exec 3<>/dev/tcp/{self.address.replace(':', '/')}"]
        return subprocess.run(ask, capture_output=True, check=False).returncode == 0

    def __exit__(self, *_: object) -> None:
        family = processes.descendants(self._process.pid)
        self._process.kill()
        self._process.wait()
        processes.end(family)
        peers.forget_share(self._suite, self._folder)


def fill(folder: Path, engine: OriginalEngine, images: Sequence[str]) -> Path:
    """Push `images`, which `engine` has, into a registry's storage at `folder`; return `folder`."""
    client = docker.theirs(engine.host)
    with Registry(folder, engine.enter):
        for image in images:
            client("tag", image, f"{ADDRESS}/{image}")
            client("push", f"{ADDRESS}/{image}")
            client("rmi", f"{ADDRESS}/{image}")
    return folder

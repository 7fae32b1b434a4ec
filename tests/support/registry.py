"""The original docker-registry, on 127.0.0.1:5000 of an engine's network: engines trust the loopback without TLS."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.support import docker, peers, processes
from tests.support.peers import OriginalEngine
from tests.support.waiting import wait_until

ADDRESS = "127.0.0.1:5000"


class Registry:
    """A registry that serves `folder` in the network that `enter` leads to, while the `with` lasts."""

    def __init__(self, folder: Path, enter: Sequence[str], suite: str = "sid") -> None:
        peers.install(suite)
        folder.mkdir(parents=True, exist_ok=True)
        configuration = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
            "http": {"addr": ADDRESS},
        }
        (folder / "registry.json").write_text(json.dumps(configuration))  # JSON is YAML
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

    def _answers(self) -> bool:
        ask = [*self._enter, "bash", "-c", f"exec 3<>/dev/tcp/{ADDRESS.replace(':', '/')}"]
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

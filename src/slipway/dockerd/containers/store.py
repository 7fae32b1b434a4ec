"""Containers on disk: a folder each, with the configuration (synced) and the state (not: it ends with the kernel).

    DATA_ROOT/containers/ID/config.json   what the container is
    DATA_ROOT/containers/ID/state.json    how it is
    DATA_ROOT/containers/ID/ID-json.log   what it printed; hosts, hostname, resolv.conf beside it

A folder without config.json is the rest of a creation that never ended, or of a removal: it is removed at the start.
Everything here blocks on the disk.
"""

import logging
import os
import shutil
from dataclasses import asdict
from typing import Any

import orjson

from slipway.base.errors import EngineError, InvalidArgument
from slipway.base.files import read_whole, sync_directory, unlink_if_present, write_atomically
from slipway.base.identifiers import is_full_id
from slipway.contracts.engine_api.schema import decode, encode
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.model import ContainerRecord, ContainerState

log = logging.getLogger(__name__)


class ContainerStore:
    """The folders below one root."""

    def __init__(self, root: str) -> None:
        self._root = root

    def folder(self, container_id: str) -> str:
        return f"{self._root}/{container_id}"

    def log_path(self, container_id: str) -> str:
        return f"{self.folder(container_id)}/{container_id}-json.log"

    def create(self, record: ContainerRecord, state: ContainerState) -> None:
        """Make the folder with both files. A crash leaves all of it, or a folder that the next start removes."""
        os.mkdir(self.folder(record.id), 0o710)
        self.save_state(record.id, state)
        self.save_record(record)
        sync_directory(self._root)

    def save_record(self, record: ContainerRecord) -> None:
        """Replace the configuration, surviving a power cut."""
        write_atomically(f"{self.folder(record.id)}/config.json", orjson.dumps(encode(record)))

    def save_state(self, container_id: str, state: ContainerState) -> None:
        """Replace the state, surviving a crash of this process."""
        data = orjson.dumps(asdict(state))
        write_atomically(f"{self.folder(container_id)}/state.json", data, durable=False)

    def forget(self, container_id: str) -> None:
        """Remove the configuration: what is left is no container."""
        unlink_if_present(f"{self.folder(container_id)}/config.json")

    def remove(self, container_id: str) -> None:
        """Remove the folder, its configuration first: a crash in between leaves a rest that is no container."""
        self.forget(container_id)
        folder = self.folder(container_id)
        if os.path.isdir(folder):
            shutil.rmtree(folder)

    def load(self) -> list[tuple[ContainerRecord, ContainerState]]:
        """Every container; rests are removed, what cannot be read is logged and left alone."""
        os.makedirs(self._root, mode=0o710, exist_ok=True)
        found = []
        for name in sorted(os.listdir(self._root)):
            if not is_full_id(name):
                continue
            if not os.path.exists(f"{self._root}/{name}/config.json"):
                shutil.rmtree(f"{self._root}/{name}", ignore_errors=True)
                continue
            try:
                found.append((self._load_record(name), self._load_state(name)))
            except (EngineError, OSError) as error:
                log.error("cannot load a container", extra={"fields": {"container": name, "error": str(error)}})
        return found

    def _load_record(self, name: str) -> ContainerRecord:
        document = _read_json(f"{self._root}/{name}/config.json")
        record = decode(ContainerRecord, document, "config.json")
        if record.id != name:
            raise InvalidArgument(f"config.json of {name} is of another container")
        return record

    def _load_state(self, name: str) -> ContainerState:
        try:
            document: dict[str, Any] = _read_json(f"{self._root}/{name}/state.json")
            return ContainerState(**{**document, "status": Status(document["status"])})
        except (OSError, EngineError, TypeError, KeyError, ValueError):
            # Lost in a power cut: no process of it can be alive.
            return ContainerState(status=Status.EXITED, exit_code=255)


def _read_json(path: str) -> dict[str, Any]:
    try:
        document = orjson.loads(read_whole(path))
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"read {path}: {error}") from error
    if not isinstance(document, dict):
        raise InvalidArgument(f"read {path}: not an object")
    return document

"""Bundles: the folder that a shim works in, laid out as the original does it. Blocks on files.

STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/
    config.json        the container's specification, byte for byte
    rootfs/            where the shim mounts the root file system
    work               a link to the container's folder below the data root, which a restart of the machine keeps
    address            the shim's socket, as URI
    bootstrap.json     the same with protocol and version
    sandbox            the sandbox whose shim holds the task; then there is no `address`: the socket is not the task's
    shim-binary-path   the shim that was asked for, for whoever cleans up after it (`runtime` is the shim's own file)
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from slipway.base.errors import AlreadyExists, FailedPrecondition, InternalError, InvalidArgument, NotFound
from slipway.base.files import read_whole, write_atomically
from slipway.base.identifiers import check_identifier
from slipway.clients.shim.interface import Bootstrap
from slipway.contracts.shim_api.grouping import group_from_specification
from slipway.linux import mounts

FOLDER: Final = "io.containerd.runtime.v2.task"
SANDBOX_FOLDER: Final = "io.containerd.sandbox.controller.v1.shim"
SHIM_FILE: Final = "shim-binary-path"
_SANDBOX: Final = "sandbox"
_SMALL: Final = 64 * 1024
_MNT_DETACH: Final = 2  # umount2(2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    namespace: str
    id: str
    path: str
    work: str


class BundleFolders:
    """All bundles of one containerd, of tasks or of sandboxes, below its state folder and its data folder."""

    def __init__(self, state: str, root: str, folder: str = FOLDER) -> None:
        self._state = f"{state}/{folder}"
        self._root = f"{root}/{folder}"
        for path in (self._state, self._root):
            os.makedirs(path, mode=0o711, exist_ok=True)

    def bundle(self, namespace: str, container_id: str) -> Bundle:
        """The names of a bundle, whether it exists or not. Raises InvalidArgument for what is no identifier."""
        check_identifier(namespace, "namespace")
        check_identifier(container_id, "container id")
        return Bundle(
            namespace=namespace,
            id=container_id,
            path=f"{self._state}/{namespace}/{container_id}",
            work=f"{self._root}/{namespace}/{container_id}",
        )

    def create(self, namespace: str, container_id: str, specification: bytes) -> Bundle:
        """Make a bundle with its config.json. Raises AlreadyExists; leaves nothing behind when it fails."""
        bundle = self.bundle(namespace, container_id)
        os.makedirs(f"{self._state}/{namespace}", mode=0o711, exist_ok=True)
        os.makedirs(f"{self._root}/{namespace}", mode=0o711, exist_ok=True)
        try:
            os.mkdir(bundle.path, 0o700)
        except FileExistsError as error:
            raise AlreadyExists(f"task {container_id}: its bundle exists already") from error
        try:
            _fill(bundle, specification)
        except OSError as error:
            self.remove(bundle)
            raise InternalError(f"make bundle {bundle.path}: {error}") from error
        return bundle

    def remove(self, bundle: Bundle) -> None:
        """Remove a bundle; one that is gone is no error. Its root file system is unmounted first, and never descended
        into.

        Raises FailedPrecondition when the root file system cannot be freed: its files are an image's or a user's.
        """
        rootfs = f"{bundle.path}/rootfs"
        _unmount_all(rootfs)
        try:
            os.rmdir(rootfs)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise FailedPrecondition(f"remove bundle {bundle.path}: rootfs: {error.strerror}") from error
        _remove_tree(bundle.path)
        _remove_tree(bundle.work)

    def list(self) -> Iterator[Bundle]:
        """Every bundle there is; what a crash left half removed is removed on the way. Stray files are none."""
        for namespace in _folders(self._state):
            for name in _folders(f"{self._state}/{namespace}"):
                if name.startswith("."):
                    shutil.rmtree(f"{self._state}/{namespace}/{name}")
                else:
                    yield self.bundle(namespace, name)


def _folders(path: str) -> list[str]:
    return sorted(entry.name for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))


def write_bootstrap(bundle: Bundle, bootstrap: Bootstrap, runtime: str, sandbox: str = "") -> None:
    """Keep where the shim answers, so that a later daemon finds it; and that it is a sandbox's, where it is."""
    parameters = {"version": bootstrap.version, "address": bootstrap.address, "protocol": bootstrap.protocol}
    if sandbox:
        write_atomically(f"{bundle.path}/{_SANDBOX}", sandbox.encode(), mode=0o600, durable=False)
    for name, text in ((SHIM_FILE, runtime), ("bootstrap.json", json.dumps(parameters))):
        write_atomically(f"{bundle.path}/{name}", text.encode(), mode=0o644, durable=False)
    if not sandbox and not os.path.exists(f"{bundle.path}/address"):
        write_atomically(f"{bundle.path}/address", bootstrap.address.encode(), mode=0o644, durable=False)


def read_bootstrap(bundle: Bundle) -> Bootstrap:
    """Where the shim of a bundle answers. Raises NotFound when no shim was started, or what it said is unreadable."""
    try:
        parameters: Any = json.loads(read_whole(f"{bundle.path}/bootstrap.json", limit=_SMALL))
        return Bootstrap(
            address=str(parameters["address"]),
            version=int(parameters["version"]),
            protocol=str(parameters["protocol"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(f"read bootstrap.json of {bundle.path}: {error}") from error


def read_runtime(bundle: Bundle) -> str:
    """The shim that was asked for; empty for the default, and for bundles of other daemons."""
    try:
        return read_whole(f"{bundle.path}/{SHIM_FILE}", limit=_SMALL).decode()
    except FileNotFoundError:
        return ""


def read_sandbox(bundle: Bundle) -> str:
    """The sandbox whose shim holds the task; empty for a task with a shim of its own."""
    try:
        return read_whole(f"{bundle.path}/{_SANDBOX}", limit=_SMALL).decode()
    except FileNotFoundError:
        return ""


def read_group(bundle: Bundle) -> str:
    """The group whose shim a bundle's container is in; "" for a shim of its own."""
    try:
        return group_from_specification(read_whole(f"{bundle.path}/config.json"))
    except (OSError, InvalidArgument):
        return ""


def _fill(bundle: Bundle, specification: bytes) -> None:
    group = _remapped_root_group(specification)
    if group:
        # A remapped root must reach its root file system, and nobody else the bundle.
        os.chown(bundle.path, -1, group)
        os.chmod(bundle.path, 0o710)
    os.mkdir(f"{bundle.path}/rootfs", 0o711)
    _remove_tree(bundle.work)
    os.mkdir(bundle.work, 0o711)
    os.symlink(bundle.work, f"{bundle.path}/work")
    write_atomically(f"{bundle.path}/config.json", specification, mode=0o600, durable=False)


def _remapped_root_group(specification: bytes) -> int:
    """The host's id of the container's group 0 in a user namespace; 0 without one."""
    if b'"gidMappings"' not in specification:
        return 0
    mappings = json.loads(specification).get("linux", {}).get("gidMappings") or []
    for mapping in mappings:
        if mapping.get("containerID") == 0:
            return int(mapping.get("hostID", 0))
    return 0


def _unmount_all(path: str) -> None:
    """Take off every mount that lies on `path`, the topmost first."""
    while True:
        try:
            mounts.unmount(path, _MNT_DETACH)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):  # not a mount point, or no such folder
                return
            raise FailedPrecondition(f"unmount {path}: {error.strerror}") from error


def _remove_tree(path: str) -> None:
    """Remove a folder at once for whoever looks, and then in peace: a crash leaves a hidden folder."""
    directory, _, name = path.rpartition("/")
    hidden = f"{directory}/.{name}"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(hidden)
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, hidden)
        shutil.rmtree(hidden)

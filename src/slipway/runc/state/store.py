"""The folders below `--root`: one per container, mode 0711, with `state.json`, `exec.fifo` and the seccomp filter.

Nothing here survives the kernel that runs the containers, so nothing is synced to disk.
"""

import fcntl
import os

from slipway.base import json_text
from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.base.files import make_folders, read_whole, write_atomically
from slipway.runc.state.model import ContainerState, json_from_state, state_from_json

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")
_STATE = "state.json"
_FIFO = "exec.fifo"
_FILTER = "seccomp.bpf"
_NOTIFY = "notify"
_FILTER_CACHE = ".seccomp"


def check_container_id(container: str) -> str:
    """The original's rule for ids; raises InvalidArgument. The result is safe as a file name."""
    if not container:
        raise InvalidArgument("container id cannot be empty")
    if container in (".", "..") or len(container) > 1024 or not _ALLOWED.issuperset(container):
        raise InvalidArgument("invalid container ID format")
    return container


class StateStore:
    """The states below one root. All methods raise OSError when the disk fails.

    `sticky`: the root is made so, for it lies in $XDG_RUNTIME_DIR, which others may clean (XDG Base Directory).
    """

    __slots__ = ("_root_mode", "root")

    def __init__(self, root: str, *, sticky: bool = False) -> None:
        self.root = root
        self._root_mode = 0o1700 if sticky else 0o700

    def directory(self, container: str) -> str:
        return f"{self.root}/{check_container_id(container)}"

    def fifo(self, container: str) -> str:
        """Where a created container's init waits for `start`."""
        return f"{self.directory(container)}/{_FIFO}"

    def notify_directory(self, container: str) -> str:
        """Where the socket lies by which the container's program says that it is ready."""
        return f"{self.directory(container)}/{_NOTIFY}"

    @property
    def filter_cache(self) -> str:
        """A folder for compiled seccomp filters, readable by its owner alone."""
        return f"{self.root}/{_FILTER_CACHE}"

    def reserve(self, container: str) -> None:
        """Take the id. Raises AlreadyExists. A crash leaves an empty folder, which `delete` removes."""
        directory = self.directory(container)
        make_folders(self.root, self._root_mode)
        try:
            os.mkdir(directory, 0o711)
        except FileExistsError:
            raise AlreadyExists("container with given ID already exists") from None

    def load(self, container: str) -> ContainerState:
        """Raises NotFound; InvalidArgument for a file that is not ours."""
        path = f"{self.directory(container)}/{_STATE}"
        try:
            text = read_whole(path)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound("container does not exist") from None
        return state_from_json(json_text.loads(text, path))

    def save(self, state: ContainerState) -> None:
        text = json_text.dumps(json_from_state(state))
        write_atomically(f"{self.directory(state.id)}/{_STATE}", text.encode(), durable=False)

    def save_filter(self, container: str, program: bytes) -> None:
        write_atomically(f"{self.directory(container)}/{_FILTER}", program, durable=False)

    def load_filter(self, container: str) -> bytes:
        """The filter that the container was made with, for processes that join it."""
        return read_whole(f"{self.directory(container)}/{_FILTER}")

    def make_fifo(self, container: str, uid: int, gid: int) -> None:
        """Its writer may be a container's root of another user id: anyone who gets that far may write, nobody reads."""
        path = self.fifo(container)
        os.mkfifo(path, 0o622)
        os.chmod(path, 0o622)
        if os.geteuid() == 0:  # an ordinary user can give nothing away
            os.chown(path, uid, gid)

    def remove(self, container: str) -> None:
        """Forget a container; one that is gone is fine."""
        directory = self.directory(container)
        _remove_files(self.notify_directory(container))
        _remove_files(directory)

    def containers(self) -> list[str]:
        """The ids that have a folder, in order. Raises NotFound without a root."""
        try:
            with os.scandir(self.root) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir() and entry.name != _FILTER_CACHE)
        except FileNotFoundError:
            raise NotFound(f"open {self.root}: no such file or directory") from None

    def lock(self, container: str) -> "ContainerLock":
        """One changing command at a time for one container. Raises NotFound if it has no folder."""
        return ContainerLock(self.directory(container))


def _remove_files(directory: str) -> None:
    """A folder, or none. A folder in it was the mount point of a restore that was killed, and its mounts with it."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        try:
            os.unlink(f"{directory}/{name}")
        except IsADirectoryError:
            os.rmdir(f"{directory}/{name}")
    os.rmdir(directory)


class ContainerLock:
    """Held in a `with`: an exclusive lock on the container's folder, which ends with the process at the latest."""

    __slots__ = ("_descriptor", "_directory")

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._descriptor = -1

    def __enter__(self) -> None:
        try:
            while not self._lock():
                os.close(self._descriptor)
        except FileNotFoundError:
            raise NotFound("container does not exist") from None

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def _lock(self) -> bool:
        """False if the folder was removed while we waited, and made anew for another container of that name."""
        self._descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._directory))
        except BaseException:
            os.close(self._descriptor)
            raise

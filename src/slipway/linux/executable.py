"""Run this interpreter from a file that cannot be written, so that no container can write the host's copy.

CVE-2019-5736: a container can reach /proc/PID/exe of a process that joins it. A clone of the file's mount that is
read-only and attached nowhere answers every write with EROFS, also through a handle that outlives the process. An
ordinary user can make no such clone, but a copy in memory that is sealed; and needs none where the file is root's.
"""

import errno
import fcntl
import os
import sys

from slipway.base.files import make_folders
from slipway.linux import mounts
from slipway.linux.mount_flags import MNT_DETACH, MOUNT_ATTR_RDONLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

_OWN_FILE = "/proc/self/exe"
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_CHUNK = 1 << 24
_MFD_EXEC = 0x10  # linux/memfd.h


def is_unwritable() -> bool:
    """Whether no container of this user can write what /proc/self/exe leads to, whoever is root in there."""
    descriptor = os.open(_OWN_FILE, os.O_PATH | os.O_CLOEXEC)
    try:
        is_readonly = bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)
        return is_readonly or _is_of_root(descriptor) or _is_sealed()
    finally:
        os.close(descriptor)


def _is_of_root(descriptor: int) -> bool:
    """To an ordinary user, whose containers have that user's ids and subordinate ones: none of them owns the file."""
    is_foreign = os.geteuid() != 0 and os.fstat(descriptor).st_uid == 0
    return is_foreign and not os.access(_OWN_FILE, os.W_OK, effective_ids=True)


def _is_sealed() -> bool:
    try:
        descriptor = os.open(_OWN_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return False
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS == _SEALS
    except OSError:  # EINVAL: a file that nobody can seal
        return False
    finally:
        os.close(descriptor)


def execute_readonly(argv: list[str], environment: "Mapping[str, str]") -> "NoReturn":
    """Replace this process by the same interpreter run from a read-only, detached clone. Raises OSError.

    `argv[0]` should be the interpreter's path as it was called: Python finds its library by it.
    """
    clone = mounts.clone_path(_OWN_FILE, recursive=False)
    try:
        mounts.set_attributes(clone, add=MOUNT_ATTR_RDONLY)
        # open_tree gives an O_PATH descriptor, which fexecve (execveat with AT_EMPTY_PATH) takes.
        os.execve(clone, argv, environment)
    finally:
        os.close(clone)


def execute_sealed(argv: list[str], environment: "Mapping[str, str]") -> "NoReturn":
    """As `execute_readonly`, from a copy in memory that nobody can write any more (memfd_create(2)): 7 MB, and 3 ms."""
    copy = _new_memory_file(os.path.basename(argv[0]))
    try:
        with open(_OWN_FILE, "rb") as file:
            while os.sendfile(copy, file.fileno(), None, _CHUNK):
                pass
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
        os.execve(copy, argv, environment)
    finally:
        os.close(copy)


def _new_memory_file(name: str) -> int:
    """One that can be executed, also where vm.memfd_noexec is 1; a kernel before Linux 6.3 knows no other."""
    try:
        return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def keep_readonly(place: str, program: str) -> str:
    """Leave a read-only mount of this interpreter's file at `place` + `program`, for starts to come; that path.

    `program` is the interpreter's absolute path as it was called. Beside the mount lies a link to the standard library,
    which Python looks for from its own path. A mount of another file there, from before an upgrade, is replaced.
    The mount is the machine's, until it is unmounted. Raises OSError where it cannot be made.
    """
    path = place + program
    folder = path.rpartition("/")[0]
    prefix = folder.rpartition("/")[0]
    make_folders(folder, 0o755)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_kept(path):
            _link(f"{sys.base_prefix}/{sys.platlibdir}", f"{prefix}/{sys.platlibdir}")
            _mount_onto(path)
    finally:
        os.close(lock)
    return path


def _is_kept(path: str) -> bool:
    try:
        return os.path.samefile(path, _OWN_FILE) and bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except FileNotFoundError:
        return False


def _link(target: str, path: str) -> None:
    try:
        os.symlink(target, path)
    except FileExistsError:
        if os.readlink(path) != target:
            os.unlink(path)
            os.symlink(target, path)


def _mount_onto(path: str) -> None:
    _unmount_all(path)
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o755))
    clone = mounts.clone_path(_OWN_FILE, recursive=False)
    target = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        mounts.set_attributes(clone, add=MOUNT_ATTR_RDONLY)
        mounts.attach(clone, target)
    finally:
        os.close(clone)
        os.close(target)


def _unmount_all(path: str) -> None:
    try:
        while True:
            mounts.unmount(path, MNT_DETACH)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # not a mount point, or nothing there
            raise

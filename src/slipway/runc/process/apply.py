"""Carries out a plan's operations, one function for each kind, all by descriptor inside the new root."""

import errno
import os
import stat

from slipway.base.errors import EngineError, InternalError, InvalidArgument
from slipway.linux import mounts, prctl, resolve
from slipway.linux.libc import os_error
from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY
from slipway.runc.confine import labels
from slipway.runc.plan import operations
from slipway.runc.process import bind_mounts, cgroup_mounts, filesystem_mounts
from slipway.runc.process.targets import open_target
from slipway.runc.process.workspace import Workspace
from slipway.runc.report import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NULL = os.makedev(1, 3)
_KINDS = {"b": stat.S_IFBLK, "c": stat.S_IFCHR, "u": stat.S_IFCHR, "p": stat.S_IFIFO}


def apply_all(workspace: Workspace, steps: "list[operations.Operation]") -> None:
    """In order. Raises InternalError saying which step failed and why."""
    for step in steps:
        try:
            _APPLY[type(step)](workspace, step)
        except (OSError, EngineError) as error:
            raise InternalError(f"{step.describe()}: {words_of(error)}") from None


def _mount_cgroups(workspace: Workspace, step: operations.MountCgroups) -> None:
    workspace.await_groups()
    target = open_target(workspace, step.destination, directory=True)
    try:
        cgroup_mounts.mount_cgroups(workspace, step, target)
    finally:
        os.close(target)


def _make_device(workspace: Workspace, step: operations.MakeDevice) -> None:
    if step.kind not in _KINDS:
        raise InvalidArgument(f"{step.kind} is not a valid device type")
    folder, _, name = step.path.rpartition("/")
    parent = resolve.make_directories(workspace.root, folder)
    try:
        if workspace.binds_devices and step.kind != "p":
            _bind_device(parent, name, step.path)
        else:
            _make_node(parent, name, step)
    finally:
        os.close(parent)


def _make_node(parent: int, name: str, step: operations.MakeDevice) -> None:
    device = os.makedev(step.major, step.minor)
    try:
        os.mknod(name, _KINDS[step.kind] | step.mode, device, dir_fd=parent)
        os.chown(name, step.uid, step.gid, dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        same = stat.S_IFMT(status.st_mode) == _KINDS[step.kind] and (step.kind == "p" or status.st_rdev == device)
        if step.exact and not same:
            raise
    except PermissionError:
        _bind_device(parent, name, step.path)


def _bind_device(parent: int, name: str, path: str) -> None:
    """Where no node may be made, as in a user namespace, the host's own of the same path is shown."""
    target = resolve.make_entry(parent, name, 0o000)
    mount = mounts.clone_path(path, recursive=False)
    try:
        mounts.attach(mount, target)
    finally:
        os.close(mount)
        os.close(target)


def _make_link(workspace: Workspace, step: operations.MakeLink) -> None:
    folder, _, name = step.path.rpartition("/")
    parent = resolve.make_directories(workspace.root, folder)
    try:
        if step.replace:
            _unlink_if_present(name, parent)
        os.symlink(step.target, name, dir_fd=parent)
    except FileExistsError:
        return
    finally:
        os.close(parent)


def _unlink_if_present(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def _make_directory(workspace: Workspace, step: operations.MakeDirectory) -> None:
    os.close(resolve.make_directories(workspace.root, step.path))


def _set_hostname(_: Workspace, step: operations.SetHostname) -> None:
    if step.host:
        prctl.set_hostname(step.host)
    if step.domain:
        prctl.set_domainname(step.domain)


def _write_sysctl(workspace: Workspace, step: operations.WriteSysctl) -> None:
    """Through the host's procfs: it shows the caller's own namespaces, and no mount of the container redirects it."""
    safe = resolve.RESOLVE_NO_SYMLINKS | resolve.RESOLVE_NO_XDEV
    descriptor = resolve.open_in_root(workspace.proc, f"sys/{step.path}", os.O_WRONLY, resolve=safe)
    try:
        os.write(descriptor, step.value.encode())
    finally:
        os.close(descriptor)


def _make_readonly(workspace: Workspace, step: operations.MakeReadonly) -> None:
    if step.path == "/":
        mounts.set_attributes(workspace.root, add=MOUNT_ATTR_RDONLY)
        return
    try:
        target = resolve.open_in_root(workspace.root, step.path)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        mount = mounts.clone_descriptor(target, recursive=True)
        try:
            mounts.set_attributes(mount, add=MOUNT_ATTR_RDONLY)
            mounts.attach(mount, target)
        finally:
            os.close(mount)
    finally:
        os.close(target)


def _mask(workspace: Workspace, step: operations.MaskPath) -> None:
    """An empty read-only directory over a directory, the null device over anything else."""
    try:
        target = resolve.open_in_root(workspace.root, step.path)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if stat.S_ISDIR(os.fstat(target).st_mode):
            _mask_directory(workspace, target, step.label)
            return
        mount = _clone_null(workspace)
        try:
            mounts.attach(mount, target)
        finally:
            os.close(mount)
    finally:
        os.close(target)


def _mask_directory(workspace: Workspace, target: int, label: str) -> None:
    """All masked directories show one empty file system, as small as can be; its first mount is kept to be cloned."""
    if workspace.empty < 0:
        options = [("nr_blocks", "1"), ("nr_inodes", "1"), ("ro", None), *labels.mount_data(label)]
        workspace.empty = mounts.new_filesystem("tmpfs", "tmpfs", options, MOUNT_ATTR_RDONLY)
        mounts.attach(workspace.empty, target)
        return
    mount = mounts.clone_descriptor(workspace.empty)
    try:
        mounts.attach(mount, target)
    finally:
        os.close(mount)


def _clone_null(workspace: Workspace) -> int:
    """The container's /dev/null, the real one and no link: an image could aim the mask elsewhere (CVE-2025-31133)."""
    try:
        null = resolve.open_in_root(workspace.root, "/dev/null", resolve=resolve.RESOLVE_NO_SYMLINKS)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise os_error(errno.ELOOP, "container's /dev/null is invalid") from None
    try:
        status = os.fstat(null)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _NULL:
            raise os_error(errno.ENXIO, "container's /dev/null is invalid")
        return mounts.clone_descriptor(null)
    finally:
        os.close(null)


_APPLY: "dict[type[operations.Operation], Callable[[Workspace, Any], None]]" = {
    operations.MountFileSystem: filesystem_mounts.mount_file_system,
    operations.BindMount: bind_mounts.bind,
    operations.MountCgroups: _mount_cgroups,
    operations.MakeDevice: _make_device,
    operations.MakeLink: _make_link,
    operations.MakeDirectory: _make_directory,
    operations.SetHostname: _set_hostname,
    operations.WriteSysctl: _write_sysctl,
    operations.MakeReadonly: _make_readonly,
    operations.MaskPath: _mask,
}

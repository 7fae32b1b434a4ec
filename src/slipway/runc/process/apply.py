"""Carries out a plan's operations, one function for each kind, all by descriptor inside the new root."""

import errno
import os
import stat

from slipway.base.errors import EngineError, InternalError, InvalidArgument
from slipway.linux import mounts, prctl, resolve
from slipway.linux.libc import os_error
from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY
from slipway.runc.plan import operations
from slipway.runc.plan.mount_options import MountOptions
from slipway.runc.process import cgroup_mounts
from slipway.runc.process.targets import open_plain_directory, open_target
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


def _mount_file_system(workspace: Workspace, step: operations.MountFileSystem) -> None:
    mode = _mode_of(workspace, step.destination) if step.kind == "tmpfs" else None
    if step.kind in ("proc", "sysfs"):
        target = open_plain_directory(workspace, step.destination, step.kind)
    else:
        target = open_target(workspace, step.destination, directory=True)
    try:
        mount = _new_mount(step, mode)
        finish_mount(mount, step.options)
        mounts.attach(mount, target)
    finally:
        os.close(target)
    if step.late_readonly:
        workspace.late_readonly.append(mount)
    else:
        os.close(mount)


def _mode_of(workspace: Workspace, path: str) -> "int | None":
    """Permission bits of an existing directory, which a tmpfs over it takes over."""
    try:
        descriptor = resolve.open_in_root(workspace.root, path)
    except FileNotFoundError:
        return None
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _new_mount(step: operations.MountFileSystem, mode: "int | None") -> int:
    options = step.options
    data = list(options.data)
    attributes = options.add
    if mode is not None and not any(key == "mode" for key, _ in data):
        data.insert(0, ("mode", f"{mode:04o}"))
    if step.late_readonly:
        attributes &= ~MOUNT_ATTR_RDONLY
    elif attributes & MOUNT_ATTR_RDONLY:
        data.append(("ro", None))  # mount(2) would set the superblock's flag too
    return mounts.new_filesystem(step.kind, step.source, data, attributes)


def finish_mount(mount: int, options: MountOptions) -> None:
    """Recursive attributes and propagation of a mount that is not attached yet."""
    if options.recursive_add or options.recursive_clear:
        mounts.set_attributes(mount, add=options.recursive_add, clear=options.recursive_clear, recursive=True)
    for propagation, recursive in options.propagation:
        mounts.set_attributes(mount, propagation=propagation, recursive=recursive)


def _bind(workspace: Workspace, step: operations.BindMount) -> None:
    options = step.options
    mount = mounts.clone_path(step.source, recursive=options.recursive)
    try:
        is_directory = stat.S_ISDIR(os.fstat(mount).st_mode)
        target = open_target(workspace, step.destination, directory=is_directory, source=mount)
        try:
            if options.add or options.clear:
                mounts.set_attributes(mount, add=options.add, clear=options.clear)
            finish_mount(mount, options)
            mounts.attach(mount, target)
        finally:
            os.close(target)
    finally:
        os.close(mount)


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
        try:
            os.mknod(name, _KINDS[step.kind] | step.mode, os.makedev(step.major, step.minor), dir_fd=parent)
            os.chown(name, step.uid, step.gid, dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            return
        except PermissionError:
            _bind_device(parent, name, step.path)
    finally:
        os.close(parent)


def _bind_device(parent: int, name: str, path: str) -> None:
    """Where no node may be made, as in a user namespace, the host's own is shown."""
    os.close(os.open(name, os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o000, dir_fd=parent))
    target = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
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
            _mask_directory(workspace, target)
            return
        mount = _clone_null(workspace)
        try:
            mounts.attach(mount, target)
        finally:
            os.close(mount)
    finally:
        os.close(target)


def _mask_directory(workspace: Workspace, target: int) -> None:
    """All masked directories show one empty file system, as small as can be; its first mount is kept to be cloned."""
    if workspace.empty < 0:
        options = [("nr_blocks", "1"), ("nr_inodes", "1"), ("ro", None)]
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
    null = resolve.open_in_root(workspace.root, "/dev/null", resolve=resolve.RESOLVE_NO_SYMLINKS)
    try:
        status = os.fstat(null)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _NULL:
            raise os_error(errno.ENXIO, "container's /dev/null is invalid")
        return mounts.clone_descriptor(null)
    finally:
        os.close(null)


_APPLY: "dict[type[operations.Operation], Callable[[Workspace, Any], None]]" = {
    operations.MountFileSystem: _mount_file_system,
    operations.BindMount: _bind,
    operations.MountCgroups: _mount_cgroups,
    operations.MakeDevice: _make_device,
    operations.MakeLink: _make_link,
    operations.MakeDirectory: _make_directory,
    operations.SetHostname: _set_hostname,
    operations.WriteSysctl: _write_sysctl,
    operations.MakeReadonly: _make_readonly,
    operations.MaskPath: _mask,
}

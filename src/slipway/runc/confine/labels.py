"""What security modules are told of this process: an AppArmor profile, SELinux labels."""

import os

from slipway.linux import descriptors
from slipway.linux.libc import os_error

_SELINUX = "/sys/fs/selinux"


def apparmor_is_enabled() -> bool:
    """Whether the running kernel enforces AppArmor. Reads /sys of the host."""
    try:
        with open("/sys/module/apparmor/parameters/enabled", "rb") as file:
            return file.read(1) == b"Y"
    except OSError:
        return False


def selinux_is_enabled() -> bool:
    """Whether the running kernel has SELinux, with its file system where all expect it. Reads /sys of the host."""
    try:
        descriptor = os.open(_SELINUX, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return descriptors.file_system_type(descriptor) == descriptors.SELINUX_MAGIC
    finally:
        os.close(descriptor)


def enter_label_on_exec(own_proc: int, label: str) -> None:
    """Ask for a SELinux label at the next exec. `own_proc` as for `enter_profile_on_exec`."""
    _write_attribute(own_proc, "attr/exec", label, f"can't set process label {label}")


def mount_data(label: str) -> "list[tuple[str, str | None]]":
    """The option that gives a SELinux label to all that is on a new file system; none for no label."""
    return [("context", label)] if label else []


def label_file(descriptor: int, label: str) -> None:
    """The SELinux label of what a descriptor (O_PATH will do) stands for. Wants the host's /proc in its place."""
    try:
        os.setxattr(f"/proc/self/fd/{descriptor}", "security.selinux", label.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"can't set file label {label}") from None


def label_new_keys(own_proc: int, label: str) -> None:
    """The SELinux label of keyrings that this process makes from now on; "" for the kernel's own choice."""
    _write_attribute(own_proc, "attr/keycreate", label, f"can't set key label {label}")


def _write_attribute(own_proc: int, file: str, text: str, what: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=own_proc)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, what) from None


def enter_profile_on_exec(own_proc: int, profile: str) -> None:
    """Ask for a profile at the next exec.

    `own_proc` is this process's folder in the host's /proc: in the container's something else could lie there
    (CVE-2019-16884, CVE-2025-52881). Opened and written with the same credentials, as the kernel demands.
    """
    for file in ("attr/apparmor/exec", "attr/exec"):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=own_proc)
        except FileNotFoundError:
            continue
        try:
            os.write(descriptor, f"exec {profile}".encode())
            return
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"apparmor failed to apply profile {profile}") from None
        finally:
            os.close(descriptor)
    raise os_error(2, f"apparmor failed to apply profile {profile}")

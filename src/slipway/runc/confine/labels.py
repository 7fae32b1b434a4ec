"""The AppArmor profile that the next exec of this process enters."""

import os

from slipway.linux.libc import os_error


def apparmor_is_enabled() -> bool:
    """Whether the running kernel enforces AppArmor. Reads /sys of the host."""
    try:
        with open("/sys/module/apparmor/parameters/enabled", "rb") as file:
            return file.read(1) == b"Y"
    except OSError:
        return False


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

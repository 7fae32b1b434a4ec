"""The AppArmor profile `docker-default`: its text, and how it gets into the kernel.

It repeats, for a process that found a way around mounts and capabilities, what masked and read-only paths say: no
mounts, no writes to /proc but to processes and System V shared memory limits, none to /sys but to cgroups.
"""

import os
import subprocess

from slipway.base.errors import InternalError, NotImplementedByEngine
from slipway.contracts.oci.defaults import DEFAULT_APPARMOR_PROFILE

LOADED_PROFILES = "/sys/kernel/security/apparmor/profiles"
INCLUDES = "/etc/apparmor.d"
PARSER = "apparmor_parser"
SECONDS_TO_COMPILE = 30.0
# Of our environment the parser needs nothing, and PATH only to be found.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


def profile_text(name: str, daemon_profile: str, *, has_tunables: bool, has_base: bool) -> str:
    """The profile in apparmor.d(5)'s language. Pure.

    `daemon_profile` is what confines this daemon ("unconfined"), which must be able to send signals. Processes'
    folders in /proc begin with 1 to 9; everything else there is the kernel's.
    """
    tunables = "#include <tunables/global>" if has_tunables else "@{PROC}=/proc/"
    base = "#include <abstractions/base>" if has_base else ""
    return f"""{tunables}

profile {name} flags=(attach_disconnected,mediate_deleted) {{
  {base}
  # The rest of what a container may not do is kept from it by namespaces, capabilities and seccomp.
  network,
  deny network alg,  # CVE-2026-31431: seccomp(2) does not see the family that a 32-bit program's socketcall(2) asks for
  capability,
  file,
  umount,
  deny mount,

  # Signals: among themselves, and from whoever stops them.
  signal (send, receive) peer={name},
  signal (receive) peer={daemon_profile},
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  ptrace (trace, read, tracedby, readby) peer={name},

  # /proc: processes, and kernel.shm* of their own IPC namespace.
  deny @{{PROC}}/* w,
  deny @{{PROC}}/[^1-9s]*/** w,
  deny @{{PROC}}/s[^y]*/** w,
  deny @{{PROC}}/sy[^s]*/** w,
  deny @{{PROC}}/sys/[^k]** w,
  deny @{{PROC}}/sys/k[^e]** w,
  deny @{{PROC}}/sys/kernel/[^s]** w,
  deny @{{PROC}}/sys/kernel/s[^h]** w,
  deny @{{PROC}}/sys/kernel/sh[^m]** w,
  deny @{{PROC}}/sysrq-trigger rwklx,
  deny @{{PROC}}/kcore rwklx,

  # /sys: cgroups, where they are mounted writable.
  deny /sys/[^f]** wklx,
  deny /sys/f[^s]** wklx,
  deny /sys/fs/[^c]** wklx,
  deny /sys/fs/c[^g]** wklx,
  deny /sys/fs/cg[^r]** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}}
"""


def is_loaded(name: str = DEFAULT_APPARMOR_PROFILE) -> bool:
    """Lines are "NAME (enforce)". Raises OSError where the kernel has no AppArmor."""
    with open(LOADED_PROFILES, encoding="utf-8", errors="replace") as profiles:
        return any(line.partition(" ")[0] == name for line in profiles)


def ensure_profile(name: str = DEFAULT_APPARMOR_PROFILE) -> None:
    """Load the profile unless the kernel has it (upgrades unload profiles: ask before each start). Takes 100 ms then;
    blocks.

    Raises NotImplementedByEngine without apparmor_parser, InternalError with what it said.
    """
    if is_loaded(name):
        return
    text = profile_text(
        name,
        _daemon_profile(),
        has_tunables=os.path.exists(f"{INCLUDES}/tunables/global"),
        has_base=os.path.exists(f"{INCLUDES}/abstractions/base"),
    )
    try:
        done = subprocess.run(
            [PARSER, "--skip-cache", "--replace"],
            input=text.encode(),
            capture_output=True,
            env=ENVIRONMENT,
            timeout=SECONDS_TO_COMPILE,
            check=False,
        )
    except FileNotFoundError as error:
        raise NotImplementedByEngine(
            f"load AppArmor profile {name}: {PARSER} is not on PATH",
            hint="apt install apparmor, or run containers with --security-opt apparmor=unconfined",
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise InternalError(f"load AppArmor profile {name}: {said}")


def _daemon_profile() -> str:
    """Who confines us, by name without its mode."""
    try:
        with open("/proc/self/attr/current", encoding="utf-8", errors="replace") as current:
            return current.read().strip("\0\n").partition(" ")[0] or "unconfined"
    except OSError:
        return "unconfined"

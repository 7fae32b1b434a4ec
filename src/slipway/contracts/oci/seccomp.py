"""Turns a seccomp profile (Docker's file format, with conditions) into `linux.seccomp` of a specification. Pure.

The format is the OCI's with more: `archMap` instead of `architectures`, and `includes`/`excludes` with capabilities,
machines and a least kernel. Reference: https://docs.docker.com/engine/security/seccomp/ and moby/profiles.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import integer_from_text
from slipway.contracts.oci.seccomp_profile import DEFAULT_PROFILE

# uname's machine → (the word in profiles' `arches`, the native architecture of libseccomp).
MACHINES = {
    "x86_64": ("amd64", "SCMP_ARCH_X86_64"),
    "i686": ("x86", "SCMP_ARCH_X86"),
    "i386": ("x86", "SCMP_ARCH_X86"),
    "aarch64": ("arm64", "SCMP_ARCH_AARCH64"),
    "armv7l": ("arm", "SCMP_ARCH_ARM"),
    "armv6l": ("arm", "SCMP_ARCH_ARM"),
    "ppc64le": ("ppc64le", "SCMP_ARCH_PPC64LE"),
    "riscv64": ("riscv64", "SCMP_ARCH_RISCV64"),
    "s390x": ("s390x", "SCMP_ARCH_S390X"),
    "loongarch64": ("loongarch64", "SCMP_ARCH_LOONGARCH64"),
    "mips64": ("mipsel64", "SCMP_ARCH_MIPSEL64"),
}
CARRIED_OVER = ("defaultAction", "defaultErrnoRet", "flags", "listenerPath", "listenerMetadata")


@lru_cache(maxsize=64)
def default_seccomp(capabilities: frozenset[str], machine: str, kernel: tuple[int, int]) -> dict[str, Any]:
    """The engine's own profile for one container. Cached, as most containers have the same: do not change the
    answer."""
    return resolved_seccomp(DEFAULT_PROFILE, capabilities=capabilities, machine=machine, kernel=kernel) or {}


def resolved_seccomp(
    profile: Mapping[str, Any], *, capabilities: Collection[str], machine: str, kernel: tuple[int, int]
) -> dict[str, Any] | None:
    """The rules of `profile` that hold for these bounding capabilities, this machine and kernel; None for an empty one.

    Raises InvalidArgument when the profile contradicts itself or is not of the form above.
    """
    calls = profile.get("syscalls") or []
    if not profile.get("defaultAction") and not calls:
        return None
    if profile.get("architectures") and profile.get("archMap"):
        raise InvalidArgument(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, "
            "use either 'architectures' or 'archMap'"
        )
    word, native = MACHINES.get(machine, ("", ""))
    resolved = {name: profile[name] for name in CARRIED_OVER if name in profile}
    if architectures := _architectures(profile, native):
        resolved["architectures"] = architectures
    resolved["syscalls"] = [_plain_rule(rule) for rule in calls if _applies(rule, capabilities, word, kernel)]
    return resolved


def _architectures(profile: Mapping[str, Any], native: str) -> list[str]:
    for entry in profile.get("archMap") or []:
        if entry.get("architecture") == native:
            return [native, *(entry.get("subArchitectures") or [])]
    return list(profile.get("architectures") or [])


def _applies(rule: Mapping[str, Any], capabilities: Collection[str], machine: str, kernel: tuple[int, int]) -> bool:
    """Every condition of `includes` holds, and no one of `excludes`."""
    excludes, includes = rule.get("excludes") or {}, rule.get("includes") or {}
    if machine in (excludes.get("arches") or ()) or any(name in capabilities for name in excludes.get("caps") or ()):
        return False
    if excludes.get("minKernel") and kernel >= _kernel_version(excludes["minKernel"]):
        return False
    if includes.get("arches") and machine not in includes["arches"]:
        return False
    if not all(name in capabilities for name in includes.get("caps") or ()):
        return False
    return not (includes.get("minKernel") and kernel < _kernel_version(includes["minKernel"]))


def _plain_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule as the OCI writes it: many names, no conditions. Old files have one `name`."""
    names = rule.get("names") or []
    if rule.get("name"):
        if names:
            raise InvalidArgument(
                "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'"
            )
        names = [rule["name"]]
    plain: dict[str, Any] = {"names": list(names), "action": rule.get("action", "")}
    if rule.get("errnoRet") is not None:
        plain["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        plain["args"] = rule["args"]
    return plain


def _kernel_version(text: object) -> tuple[int, int]:
    major, dot, minor = str(text).partition(".")
    if not dot:
        raise InvalidArgument(f'invalid kernel version: {text!r}, expected "<kernel>.<major>"')
    return integer_from_text(major, "kernel version"), integer_from_text(minor, "kernel version")

"""What confines a container: capabilities, --security-opt, seccomp and AppArmor, as asked and as this machine can."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.oci.capabilities import DEFAULT_CAPABILITIES
from slipway.contracts.oci.defaults import DEFAULT_APPARMOR_PROFILE
from slipway.contracts.oci.seccomp import default_seccomp, resolved_seccomp
from slipway.dockerd.containers.spec.model import HostFacts
from slipway.linux import capability_names

UNCONFINED = "unconfined"
BUILTIN = "builtin"
# Go's strconv.ParseBool, which decides what a flag's value may be.
BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True, kw_only=True)
class SecurityOptions:
    """`--security-opt`, parsed. `seccomp` is "" (the default), "unconfined", "builtin", or the text of a JSON
    profile."""

    seccomp: str = ""
    apparmor: str = ""
    no_new_privileges: bool = False
    writable_cgroups: bool | None = None


def security_options(options: Iterable[str] | None, *, no_new_privileges: bool = False) -> SecurityOptions:
    """Parse `HostConfig.SecurityOpt`; raises InvalidArgument. SELinux labels are accepted and have no effect."""
    seccomp = apparmor = ""
    writable_cgroups: bool | None = None
    for option in options or ():
        name, value = _name_and_value(option)
        if name == "seccomp":
            seccomp = value
        elif name == "apparmor":
            apparmor = value
        elif name == "no-new-privileges":
            no_new_privileges = _boolean(value, option)
        elif name == "writable-cgroups":
            writable_cgroups = _boolean(value, option)
        elif name != "label":
            raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
    return SecurityOptions(
        seccomp=seccomp, apparmor=apparmor, no_new_privileges=no_new_privileges, writable_cgroups=writable_cgroups
    )


def _name_and_value(option: str) -> tuple[str, str]:
    if option in ("no-new-privileges", "writable-cgroups"):
        return option, "true"
    if option == "disable":
        return "label", option
    separator = "=" if "=" in option else ":"
    name, found, value = option.partition(separator)
    if not found:
        raise InvalidArgument(f'invalid --security-opt 1: "{option}"')
    return name, value


def _boolean(value: str, option: str) -> bool:
    if value not in BOOLEANS:
        raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
    return BOOLEANS[value]


def normalized_capabilities(names: Sequence[str], available: Sequence[str]) -> list[str]:
    """`net_admin` → `CAP_NET_ADMIN`; `ALL` stays. Raises InvalidArgument for what no kernel, or this one, has."""
    normalized = []
    for given in names:
        name = given.upper()
        if name != "ALL":
            name = name if name.startswith("CAP_") else f"CAP_{name}"
            if name not in capability_names.NAMES:
                raise InvalidArgument(f'unknown capability: "{name}"')
            if name not in available:
                raise InvalidArgument(
                    f'capability not supported by your kernel or not available in the current environment: "{name}"'
                )
        normalized.append(name)
    return normalized


def granted_capabilities(host_config: HostConfig, available: tuple[str, ...]) -> list[str]:
    """The bounding, permitted and effective set. Inheritable and ambient stay empty (CVE-2022-24769)."""
    if host_config.privileged:
        return list(available)
    added = normalized_capabilities(host_config.cap_add or (), available)
    dropped = normalized_capabilities(host_config.cap_drop or (), available)
    if "ALL" in added:
        return [name for name in available if name not in dropped]
    if "ALL" in dropped:
        return added
    return [name for name in DEFAULT_CAPABILITIES if name not in dropped] + added


def check(host_config: HostConfig, facts: HostFacts) -> None:
    """What creating a container already refuses, in the original's words."""
    for title, names in (("CapAdd", host_config.cap_add), ("CapDrop", host_config.cap_drop)):
        try:
            normalized_capabilities(names or (), facts.capabilities)
        except InvalidArgument as error:
            raise InvalidArgument(f"invalid {title}: {error.message}") from error
    security_options(host_config.security_opt)


def seccomp_section(
    profile: str, *, privileged: bool, capabilities: Sequence[str], facts: HostFacts
) -> Mapping[str, Any] | None:
    """`linux.seccomp`; None runs without a filter: "unconfined", a privileged container, a kernel without seccomp.

    `profile` is `SecurityOptions.seccomp`. Raises InvalidArgument for a profile of one's own that is malformed or that
    the kernel cannot hold a container to.
    """
    if profile == UNCONFINED or (privileged and not profile):
        return None
    if profile not in ("", BUILTIN):
        if not facts.seccomp:
            raise InvalidArgument("seccomp is not enabled in your kernel, cannot run a custom seccomp profile")
        own = _decoded_profile(profile)
        return resolved_seccomp(own, capabilities=capabilities, machine=facts.machine, kernel=facts.kernel)
    if not facts.seccomp:
        return None
    return default_seccomp(frozenset(capabilities), facts.machine, facts.kernel)


def _decoded_profile(text: str) -> Mapping[str, Any]:
    try:
        profile = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"Decoding seccomp profile failed: {error}") from error
    if not isinstance(profile, dict):
        raise InvalidArgument("Decoding seccomp profile failed: it must be an object")
    return profile


def apparmor_profile(asked: str, *, privileged: bool, facts: HostFacts) -> str:
    """The name of the profile, "" where the kernel has no AppArmor."""
    if not facts.apparmor:
        return ""
    return asked or (UNCONFINED if privileged else DEFAULT_APPARMOR_PROFILE)

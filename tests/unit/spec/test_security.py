"""Capabilities, security options, seccomp and AppArmor as a container's specification has them."""

import json
from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.oci.capabilities import DEFAULT_CAPABILITIES
from slipway.contracts.oci.seccomp import default_seccomp, resolved_seccomp
from slipway.dockerd.containers.spec.model import HostFacts
from slipway.dockerd.containers.spec.security import (
    SecurityOptions,
    apparmor_profile,
    check,
    granted_capabilities,
    seccomp_section,
    security_options,
)
from slipway.linux import capability_names

LACKING = tuple(name for name in capability_names.NAMES if name != "CAP_SYS_RESOURCE")


def facts(**changes: Any) -> HostFacts:
    values: dict[str, Any] = {
        "cgroup_version": 2,
        "capabilities": LACKING,
        "kernel": (6, 12),
        "machine": "x86_64",
        "apparmor": True,
        "seccomp": True,
    }
    return HostFacts(**{**values, **changes})


def rules_for(name: str, section: Any) -> list[dict[str, Any]]:
    return [rule for rule in section["syscalls"] if name in rule["names"]]


def test_no_wish_grants_the_default_set() -> None:
    assert granted_capabilities(HostConfig(), LACKING) == list(DEFAULT_CAPABILITIES)


def test_names_are_taken_with_and_without_prefix_in_any_case() -> None:
    granted = granted_capabilities(HostConfig(cap_add=("net_admin", "CAP_SYS_PTRACE"), cap_drop=("Chown",)), LACKING)
    assert granted[-2:] == ["CAP_NET_ADMIN", "CAP_SYS_PTRACE"]
    assert "CAP_CHOWN" not in granted


def test_all_is_what_the_machine_has() -> None:
    assert granted_capabilities(HostConfig(cap_add=("ALL",)), LACKING) == list(LACKING)
    assert granted_capabilities(HostConfig(privileged=True), LACKING) == list(LACKING)
    assert granted_capabilities(HostConfig(cap_drop=("all",), cap_add=("KILL",)), LACKING) == ["CAP_KILL"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            HostConfig(cap_add=("SYS_RESOURCE",)),
            "invalid CapAdd: capability not supported by your kernel or not available in the current environment: "
            '"CAP_SYS_RESOURCE"',
        ),
        (HostConfig(cap_drop=("FOO",)), 'invalid CapDrop: unknown capability: "CAP_FOO"'),
        (HostConfig(security_opt=("nonsense",)), 'invalid --security-opt 1: "nonsense"'),
        (HostConfig(security_opt=("a=b",)), 'invalid --security-opt 2: "a=b"'),
        (
            HostConfig(security_opt=("no-new-privileges=perhaps",)),
            'invalid --security-opt 2: "no-new-privileges=perhaps"',
        ),
    ],
)
def test_wrong_wishes_are_refused_in_the_originals_words(config: HostConfig, words: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check(config, facts())
    assert refusal.value.message == words


def test_security_options_are_parsed() -> None:
    options = security_options(["seccomp=unconfined", "apparmor:mine", "no-new-privileges", "label=disable", "disable"])
    assert options == SecurityOptions(seccomp="unconfined", apparmor="mine", no_new_privileges=True)
    assert security_options(["no-new-privileges=false"], no_new_privileges=True).no_new_privileges is False
    assert security_options(["writable-cgroups=true"]).writable_cgroups is True


def test_default_profile_refuses_namespaces_unless_an_administrator() -> None:
    plain = default_seccomp(frozenset(DEFAULT_CAPABILITIES), "x86_64", (6, 12))
    assert rules_for("clone3", plain)[0]["errnoRet"] == 38
    assert rules_for("mount", plain) == []
    assert rules_for("clone", plain)[0]["args"][0]["op"] == "SCMP_CMP_MASKED_EQ"
    administrator = default_seccomp(frozenset((*DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN")), "x86_64", (6, 12))
    assert rules_for("mount", administrator)[0]["action"] == "SCMP_ACT_ALLOW"
    assert [rule.get("args") for rule in rules_for("clone", administrator)] == [None]


def test_default_profile_knows_the_machine_and_kernel() -> None:
    arm = default_seccomp(frozenset(), "aarch64", (4, 7))
    assert arm["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert rules_for("arch_prctl", arm) == []
    assert rules_for("ptrace", arm) == []
    assert rules_for("cacheflush", arm)
    s390 = default_seccomp(frozenset(), "s390x", (6, 1))
    assert [rule["args"][0]["index"] for rule in rules_for("clone", s390)] == [1]


@pytest.mark.parametrize(
    ("family", "allowed"), [(1, True), (2, True), (38, False), (39, True), (40, False), (41, True)]
)
def test_default_profile_refuses_kernel_crypto_and_vsock_sockets(family: int, allowed: bool) -> None:
    compare = {"SCMP_CMP_LT": int.__lt__, "SCMP_CMP_EQ": int.__eq__, "SCMP_CMP_GT": int.__gt__}
    rules = rules_for("socket", default_seccomp(frozenset(), "x86_64", (6, 12)))
    assert any(compare[rule["args"][0]["op"]](family, rule["args"][0]["value"]) for rule in rules) is allowed


def test_own_profiles_are_resolved() -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"name": "chmod", "action": "SCMP_ACT_ERRNO", "errnoRet": 5}],
    }
    section = seccomp_section(json.dumps(profile), privileged=True, capabilities=(), facts=facts())
    assert section == {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}],
    }


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("{", "Decoding seccomp profile failed"),
        ("[]", "must be an object"),
        ('{"defaultAction":"a","architectures":["x"],"archMap":[{}]}', "both 'architectures' and 'archMap'"),
        ('{"defaultAction":"a","syscalls":[{"name":"x","names":["y"]}]}', "both 'name' and 'names'"),
        (
            '{"defaultAction":"a","syscalls":[{"names":["y"],"includes":{"minKernel":"four"}}]}',
            "invalid kernel version",
        ),
    ],
)
def test_malformed_profiles_are_refused(profile: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        seccomp_section(profile, privileged=False, capabilities=(), facts=facts())


def test_no_filter_only_where_asked_privileged_or_impossible() -> None:
    nothing = {"capabilities": (), "facts": facts()}
    assert seccomp_section("unconfined", privileged=False, **nothing) is None
    assert seccomp_section("", privileged=True, **nothing) is None
    assert seccomp_section("builtin", privileged=True, **nothing) is not None
    assert seccomp_section("", privileged=False, capabilities=(), facts=facts(seccomp=False)) is None
    with pytest.raises(InvalidArgument, match="not enabled in your kernel"):
        seccomp_section("{}", privileged=False, capabilities=(), facts=facts(seccomp=False))
    assert resolved_seccomp({}, capabilities=(), machine="x86_64", kernel=(6, 1)) is None


def test_apparmor_only_where_the_kernel_has_it() -> None:
    assert apparmor_profile("", privileged=False, facts=facts()) == "docker-default"
    assert apparmor_profile("", privileged=True, facts=facts()) == "unconfined"
    assert apparmor_profile("mine", privileged=True, facts=facts()) == "mine"
    assert apparmor_profile("mine", privileged=True, facts=facts(apparmor=False)) == ""

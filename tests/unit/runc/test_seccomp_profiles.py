"""Profiles that are refused, before anything is made."""

from pathlib import Path
from typing import Any

import pytest

from slipway.base.errors import EngineError
from slipway.contracts.oci.runtime_fields import Fields
from slipway.contracts.oci.runtime_seccomp import Seccomp
from slipway.runc.confine.seccomp import filter_from_profile


def rule(action: str, *names: str, **extra: Any) -> dict[str, Any]:
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [*names], "action": action, **extra}]}


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (
            rule("SCMP_ACT_NOTIFY", "write") | {"listenerPath": "/a"},
            "SCMP_ACT_NOTIFY cannot be used for the write syscall",
        ),
        (
            {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/a"},
            "SCMP_ACT_NOTIFY cannot be used as default action",
        ),
        (rule("SCMP_ACT_NOTIFY", "mkdir"), "seccomp listenerPath is not set"),
        (rule("SCMP_ACT_ERRNO", "mkdir") | {"listenerMetadata": "x"}, "listenerPath is not"),
        (rule("SCMP_ACT_NOPE", "mkdir"), "string SCMP_ACT_NOPE is not a valid action for seccomp"),
        (rule("SCMP_ACT_KILL", "mkdir", errnoRet=3), "seccomp action SCMP_ACT_KILL takes no errnoRet"),
        (rule("SCMP_ACT_ALLOW", "mkdir") | {"defaultErrnoRet": 3}, "seccomp action SCMP_ACT_ALLOW takes no errnoRet"),
        (rule("SCMP_ACT_ERRNO", ""), "empty string is not a valid syscall"),
        (rule("SCMP_ACT_ERRNO", "x", args=[{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]), "from 0 to 5"),
        (
            rule("SCMP_ACT_ERRNO", "mkdir", args=[{"index": 0, "value": 0, "op": "SCMP_CMP_X"}]),
            "string SCMP_CMP_X is not a valid operator for seccomp",
        ),
        (
            {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_NATIVE"]},
            "string SCMP_ARCH_NATIVE is not a valid arch for seccomp",
        ),
        (
            rule("SCMP_ACT_ERRNO", "mkdir") | {"flags": ["SECCOMP_FILTER_FLAG_X"]},
            "seccomp flag SECCOMP_FILTER_FLAG_X is not known to runc",
        ),
        (
            rule("SCMP_ACT_ERRNO", "mkdir") | {"flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]},
            "needs a rule of SCMP_ACT_NOTIFY",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_profile_that_cannot_be_is_refused_whole(profile: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=words):
        filter_from_profile(Seccomp(Fields(profile, "linux.seccomp")), profile, str(tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()

"""`runc features`: what this runtime understands, as JSON. Source: runtime-spec features.md."""

from slipway.base import json_text
from slipway.contracts.oci.runtime_version import VERSION
from slipway.linux import capability_names
from slipway.runc.commands.context import Context, write_output
from slipway.runc.confine import labels
from slipway.runc.confine.seccomp import known_names
from slipway.runc.options.parse import Flag, Options, check_arguments
from slipway.runc.plan.mount_options import known_mount_options
from slipway.runc.spec.validate import NAMESPACE_KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()

_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_ARCHITECTURES = ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64")


def run(_: Context, options: Options) -> int:
    check_arguments("features", options, 0, 0)
    write_output(json_text.dumps_indented(_features()) + "\n")
    return 0


def _features() -> "dict[str, Json]":
    actions, operators, flags = known_names()
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": VERSION,
        "hooks": [*_HOOKS],
        "mountOptions": [*known_mount_options()],
        "linux": {
            "namespaces": [*sorted(NAMESPACE_KINDS)],
            "capabilities": [*capability_names.NAMES],
            "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": [*actions],
                "operators": [*operators],
                "archs": [*_ARCHITECTURES],
                "knownFlags": [*flags],
                "supportedFlags": [*flags],
            },
            "apparmor": {"enabled": labels.apparmor_is_enabled()},
            "selinux": {"enabled": False},
            "intelRdt": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": False}},
        },
        "potentiallyUnsafeConfigAnnotations": [],
    }

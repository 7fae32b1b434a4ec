"""`runc features`: what this runtime understands, as JSON. Source: runtime-spec features.md."""

from slipway.base import json_text
from slipway.contracts.oci.runtime_version import NEWEST
from slipway.linux import capability_names, memory_policy_flags, seccomp
from slipway.runc.commands.context import Context, write_output
from slipway.runc.confine.seccomp import known_names, supported_flags
from slipway.runc.confine.seccomp_names import ARCHITECTURES
from slipway.runc.options.parse import Flag, Options, check_arguments
from slipway.runc.plan.mount_options import known_mount_options
from slipway.runc.plan.unit_properties import ANNOTATION_PREFIX
from slipway.runc.spec.validate import NAMESPACE_KINDS
from slipway.runc.version import VERSION as RELEASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

INTERLEAVED = True
FLAGS: tuple[Flag, ...] = ()

_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def run(_: Context, options: Options) -> int:
    check_arguments("features", options, 0, 0)
    write_output(json_text.dumps_indented(_features(), "    ") + "\n")
    return 0


def _annotations() -> "dict[str, Json]":
    """Source: the original's types/features, which asks others not to give its `commit`."""
    annotations: dict[str, Json] = {
        "org.opencontainers.runc.checkpoint.enabled": "true",
        "org.opencontainers.runc.version": RELEASE,
    }
    version = seccomp.library_version_or_none()
    if version is not None:
        annotations["io.github.seccomp.libseccomp.version"] = version
    return annotations


def _features() -> "dict[str, Json]":
    actions, operators, flags = known_names()
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": NEWEST,
        "hooks": [*_HOOKS],
        "mountOptions": [*known_mount_options()],
        "linux": {
            "namespaces": [*sorted(NAMESPACE_KINDS)],
            "capabilities": [*capability_names.NAMES],
            "cgroup": {"v1": True, "v2": True, "systemd": True, "systemdUser": True, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": [*actions],
                "operators": [*operators],
                "archs": [name for name, known in ARCHITECTURES.items() if seccomp.knows_architecture(known)],
                "knownFlags": [*flags],
                "supportedFlags": [*supported_flags()],
            },
            # What this runtime can do; whether the kernel has it is another question (features-linux.md).
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": False},
            "memoryPolicy": {
                "modes": [*sorted(memory_policy_flags.MODES)],
                "flags": [*sorted(memory_policy_flags.FLAGS)],
            },
            "mountExtensions": {"idmap": {"enabled": True}},
            "netDevices": {"enabled": True},
        },
        "annotations": _annotations(),
        "potentiallyUnsafeConfigAnnotations": ["org.criu.config", ANNOTATION_PREFIX],
    }

"""The names that plugins' tables have had: short ones in version 1, others for two of them in version 2. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

NEWEST: Final = 3
OURS: Final = "io.containerd.slipway.v1.daemon"
"""The table of the keys that are ours alone: a name that the original takes for a plugin it does not have."""
OUR_KEYS: Final = ("shim_template", "snapshotter", "max_download_attempts")

# Source: containerd cmd/containerd/server/config (version 1), the plugins' own migrations (version 2).
_SHORT: Final[Mapping[str, str]] = {
    "cri": "io.containerd.grpc.v1.cri",
    "cgroups": "io.containerd.monitor.v1.cgroups",
    "linux": "io.containerd.runtime.v1.linux",
    "scheduler": "io.containerd.gc.v1.scheduler",
    "bolt": "io.containerd.metadata.v1.bolt",
    "task": "io.containerd.runtime.v2.task",
    "opt": "io.containerd.internal.v1.opt",
    "restart": "io.containerd.internal.v1.restart",
    "tracing": "io.containerd.internal.v1.tracing",
    "otlp": "io.containerd.tracing.processor.v1.otlp",
    **{name: f"io.containerd.snapshotter.v1.{name}" for name in ("aufs", "btrfs", "devmapper", "zfs")},
    **{name: f"io.containerd.snapshotter.v1.{name}" for name in ("native", "overlayfs")},
}
_OLDER: Final[Mapping[str, str]] = {
    "io.containerd.monitor.container.v1.restart": "io.containerd.internal.v1.restart",
    "io.containerd.monitor.task.v1.cgroups": "io.containerd.monitor.v1.cgroups",
}
_NEWER: Final = {older: newer for newer, older in _OLDER.items()}
# What has a table in the files that the originals write by themselves, and no part here.
_CRI: Final = re.compile(r"io\.containerd\.(grpc\.v1\.cri|cri\.v1\.\w+|podsandbox\.controller\.v1\.\w+)")
_ELSEWHERE: Final = frozenset(
    (
        *(
            f"io.containerd.snapshotter.v1.{name}"
            for name in ("aufs", "blockfile", "btrfs", "devmapper", "erofs", "zfs")
        ),
        *("io.containerd.differ.v1.erofs", "io.containerd.image-verifier.v1.bindir", "io.containerd.nri.v1.nri"),
        *("io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.runtime.v1.linux"),
        "io.containerd.tracing.processor.v1.otlp",
    )
)


def newest_name(name: str, version: int) -> str:
    """A plugin's name in version 3, from a file of `version` (0 is 1). A newer name is one in an older file, too."""
    if version < 2 and "." not in name:
        service = "service" if name.endswith("-service") else "grpc"
        name = _SHORT.get(name, f"io.containerd.{service}.v1.{name}")
    return _NEWER.get(name, name)


def name_in(name: str, version: int) -> str:
    """The inverse, for version 2 or 3."""
    return _OLDER.get(name, name) if version < NEWEST else name


def is_cri(name: str) -> bool:
    """Whether Kubernetes' runtime interface has this plugin, in any version."""
    return _CRI.fullmatch(name) is not None


def is_known_elsewhere(name: str) -> bool:
    """Whether the original has such a plugin with a table, and we have none."""
    return name in _ELSEWHERE


def are_full(names: Iterable[Any]) -> bool:
    """Whether plugins are named as versions 2 and 3 want it."""
    return all(isinstance(name, str) and "." in name for name in names)

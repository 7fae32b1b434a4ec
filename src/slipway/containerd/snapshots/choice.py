"""Which snapshotters serve: overlayfs where the kernel has it, native always."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.base.clock import Clock
from slipway.base.errors import InvalidArgument
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.snapshots.interface import Layers
from slipway.containerd.snapshots.layout import Layout
from slipway.containerd.snapshots.native import NativeLayout
from slipway.containerd.snapshots.overlay import OverlayLayout, has_index_option, why_not_overlay
from slipway.containerd.snapshots.snapshotter import FolderSnapshotter
from slipway.database.interface import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshotters:
    """Those that serve, by name, and the one that is meant where none is named."""

    by_name: Mapping[str, FolderSnapshotter]
    default: str


def open_snapshotters(
    root: str, database: Database, leases: LeaseHolder, clock: Clock, layers: Layers, *, wanted: str = ""
) -> Snapshotters:
    """Open what this machine can serve, below containerd's data folder `root`.

    `wanted` is the configured default (empty: overlayfs, or else native with one warning). Raises InvalidArgument for a
    wanted one that cannot serve.
    """

    def opened(layout: Layout) -> FolderSnapshotter:
        return FolderSnapshotter(folder_of(root, layout.name), layout, database, leases, clock, layers)

    by_name = {"native": opened(NativeLayout())}
    reason = why_not_overlay(folder_of(root, OverlayLayout.name))
    if not reason:
        by_name["overlayfs"] = opened(OverlayLayout(index=has_index_option()))
    elif not wanted:
        log.warning("overlayfs cannot serve: snapshots are copied", extra={"fields": {"reason": reason}})
    default = wanted or ("native" if reason else "overlayfs")
    if default not in by_name:
        raise InvalidArgument(f"snapshotter {default!r} cannot serve: {reason or 'there is none of that name'}")
    return Snapshotters(by_name, default)


def folder_of(root: str, name: str) -> str:
    return f"{root}/io.containerd.snapshotter.v1.{name}"

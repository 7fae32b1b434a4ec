"""Which snapshotters serve: overlayfs where the kernel has it, native always, and those of other processes."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from slipway.base.clock import Clock
from slipway.base.errors import InvalidArgument
from slipway.containerd.leases.interface import LeaseHolder
from slipway.containerd.snapshots.interface import Layers, Snapshotter
from slipway.containerd.snapshots.layout import Layout
from slipway.containerd.snapshots.native import NativeLayout
from slipway.containerd.snapshots.overlay import OverlayLayout, has_index_option, why_not_overlay
from slipway.containerd.snapshots.snapshotter import FolderSnapshotter
from slipway.database.interface import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshotters:
    """Those that serve, by name, and the one that is meant where none is named; those with folders here, why others do
    not serve, and the folders of all of them."""

    by_name: Mapping[str, Snapshotter]
    default: str
    own: Sequence[FolderSnapshotter] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SnapshotterChoice:
    """What the administrator chose. `default` may be empty: overlayfs, or else native with one warning. `folders` are
    other places than below the data folder, by name; `disabled` names do not serve."""

    default: str = ""
    folders: Mapping[str, str] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    overlay_options: tuple[str, ...] = ()


def open_snapshotters(
    root: str,
    database: Database,
    leases: LeaseHolder,
    clock: Clock,
    layers: Layers,
    choice: SnapshotterChoice | None = None,
    *,
    proxies: Sequence[Snapshotter] = (),
) -> Snapshotters:
    """Open what this machine can serve, below containerd's data folder `root`; `proxies` serve beside it.

    Raises InvalidArgument for a chosen default that cannot serve, and for a proxy with the name of one of ours.
    """
    choice = choice or SnapshotterChoice()
    folders = {name: choice.folders.get(name) or folder_of(root, name) for name in ("native", OverlayLayout.name)}
    refused = {name: "it is disabled in the configuration" for name in folders if name in choice.disabled}

    def opened(layout: Layout) -> FolderSnapshotter:
        return FolderSnapshotter(folders[layout.name], layout, database, leases, clock, layers)

    own: dict[str, FolderSnapshotter] = {} if "native" in refused else {"native": opened(NativeLayout())}
    if "overlayfs" not in refused and (reason := why_not_overlay(folders["overlayfs"])):
        refused["overlayfs"] = reason
        if not choice.default:
            log.warning("overlayfs cannot serve: snapshots are copied", extra={"fields": {"reason": reason}})
    if "overlayfs" not in refused:
        own["overlayfs"] = opened(OverlayLayout(index=has_index_option(), options=choice.overlay_options))
    default = choice.default or next(reversed(own), "overlayfs")
    by_name: dict[str, Snapshotter] = {**own}
    for proxy in proxies:
        if proxy.name in folders:
            raise InvalidArgument(f"proxy_plugins.{proxy.name}: the name is that of a snapshotter of this daemon")
        by_name[proxy.name] = proxy
    if default not in by_name:
        reason = refused.get(default, "there is none of that name")
        raise InvalidArgument(f"snapshotter {default!r} cannot serve: {reason}")
    return Snapshotters(by_name, default, tuple(own.values()), refused, folders)


def folder_of(root: str, name: str) -> str:
    return f"{root}/io.containerd.snapshotter.v1.{name}"

"""What of containerd stays on disk: built once, in this order, and seen to before anybody uses it."""

import asyncio
import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from slipway.archive.unpack import Unpackers
from slipway.base.clock import Clock
from slipway.base.errors import InvalidArgument
from slipway.base.files import read_whole
from slipway.clients.snapshotter.client import SnapshotterClient
from slipway.containerd.collection.collector import Collector
from slipway.containerd.collection.schedule import REST_SECONDS, Schedule
from slipway.containerd.configuration.model import MetadataSettings, SchedulerSettings, Settings
from slipway.containerd.content.store import FileContentStore
from slipway.containerd.diff.differ import DirectoryDiffer
from slipway.containerd.diff.stored_layers import StoredLayers
from slipway.containerd.diff.stream_processors import processors_from_settings
from slipway.containerd.events.exchange import Exchange
from slipway.containerd.images.store import SqlImageStore
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.boots import has_stopped_since, record_boot
from slipway.containerd.services.parts import Disabled
from slipway.containerd.snapshots.choice import SnapshotterChoice, Snapshotters, open_snapshotters
from slipway.containerd.snapshots.interface import Snapshotter
from slipway.containerd.snapshots.proxy import ProxySnapshotter
from slipway.containerd.snapshots.proxy_settings import ProxySettings, proxies_from_settings
from slipway.containerd.snapshots.told import told
from slipway.containerd.transfer.stores import TRANSFER_LABEL, Stores
from slipway.contracts.containerd_api.types import Platform
from slipway.database.sqlite import SqliteDatabase
from slipway.service.claims import make_folder

log = logging.getLogger("slipway.containerd")

ROOT_MODE: Final = 0o700
# Layers unpacked at a time, on all cores; each takes a process of 20 MB while there is work.
UNPACKERS: Final = max(2, len(os.sched_getaffinity(0)))
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """`snapshotters` are those of `opened`, and tell what they do; `proxies` what the configuration says of others'."""

    leases: LeaseStore
    content: FileContentStore
    images: SqlImageStore
    differ: DirectoryDiffer
    opened: Snapshotters
    snapshotters: Mapping[str, Snapshotter]
    proxies: Sequence[ProxySettings]
    collector: Collector

    def stores(self, platform: Platform, clock: Clock) -> Stores:
        """What transfers move images between."""
        return Stores(
            content=self.content,
            images=self.images,
            snapshotters=self.snapshotters,
            default_snapshotter=self.opened.default,
            differ=self.differ,
            leases=self.leases,
            platform=platform,
            clock=clock,
        )


async def open_storage(
    stack: AsyncExitStack,
    settings: Settings,
    disabled: Disabled,
    database: SqliteDatabase,
    exchange: Exchange,
    clock: Clock,
) -> Storage:
    """`stack` closes it. What an earlier daemon left undone is seen to when this returns. Raises InvalidArgument for
    settings that cannot be."""
    leases = LeaseStore(database, clock)
    folder, shares = data_folder(settings, "content.v1.content"), _shares_content(settings.plugins.metadata)
    content = FileContentStore(folder, database, leases, exchange, clock, shares=shares)
    unpackers = Unpackers(UNPACKERS)
    stack.push_async_callback(asyncio.to_thread, unpackers.close)
    differ = DirectoryDiffer(content, unpackers, processors_from_settings(settings.stream_processors))
    plugins, sentences = proxies_from_settings(settings.proxy_plugins)
    for sentence in sentences:
        log.warning(sentence)
    proxies = [await _proxy(stack, plugin, database, leases, clock) for plugin in plugins]
    layers, choice = StoredLayers(content, differ), _snapshotter_choice(settings, disabled)
    opening = partial(open_snapshotters, settings.root, database, leases, clock, layers, choice, proxies=proxies)
    opened = await asyncio.to_thread(opening)
    for snapshotter in opened.own:
        stack.push_async_callback(asyncio.to_thread, snapshotter.close)
    await asyncio.to_thread(_recover, database, content, leases, opened)
    snapshotters = {name: told(snapshotter, exchange) for name, snapshotter in opened.by_name.items()}
    schedule = _schedule(settings.plugins.scheduler)
    return Storage(
        leases=leases,
        content=content,
        images=SqlImageStore(database, leases, exchange, clock),
        differ=differ,
        opened=opened,
        snapshotters=snapshotters,
        proxies=plugins,
        collector=Collector(database, snapshotters, content, exchange, clock, schedule),
    )


def _shares_content(metadata: MetadataSettings) -> bool:
    policy = metadata.content_sharing_policy
    if policy not in ("", "shared", "isolated"):
        raise InvalidArgument(f'content_sharing_policy is {policy!r}: it must be "shared" or "isolated"')
    return policy != "isolated"


def data_folder(settings: Settings, name: str) -> str:
    """The data folder of one part, under the original's name for it."""
    path = f"{settings.root}/io.containerd.{name}"
    make_folder(path, mode=ROOT_MODE, what="data folder")
    return path


async def _proxy(
    stack: AsyncExitStack, plugin: ProxySettings, database: SqliteDatabase, leases: LeaseStore, clock: Clock
) -> ProxySnapshotter:
    """A snapshotter of another process. Whether that serves shows when it is called."""
    client = SnapshotterClient(plugin.name, plugin.address, asyncio.get_running_loop())
    making = partial(ProxySnapshotter, client, database, leases, clock, wants_source=plugin.wants_source)
    proxy = await asyncio.to_thread(making)
    stack.callback(proxy.close)
    return proxy


def _recover(
    database: SqliteDatabase, content: FileContentStore, leases: LeaseStore, snapshotters: Snapshotters
) -> None:
    """Let go of what an earlier daemon was at, and of what the disk may not have since the machine stopped."""
    try:
        boot = read_whole(BOOT_ID).decode("ascii").strip()
    except OSError:  # nothing tells: each start may be after another boot
        boot = str(uuid.uuid4())
    machine_stopped = has_stopped_since(database, boot)
    if machine_stopped:
        content.drop_ingests()
    for snapshotter in snapshotters.own:
        snapshotter.recover(machine_stopped=machine_stopped)
    record_boot(database, boot)
    content.drop_never_resumed()
    leases.end_labelled(TRANSFER_LABEL)


def _schedule(scheduler: SchedulerSettings) -> Schedule:
    return Schedule(
        pause_share=scheduler.pause_threshold,
        deletions=scheduler.deletion_threshold,
        rest=scheduler.schedule_delay.seconds or REST_SECONDS,
        startup_delay=scheduler.startup_delay.seconds,
    )


def _snapshotter_choice(settings: Settings, disabled: Disabled) -> SnapshotterChoice:
    plugins = settings.plugins
    return SnapshotterChoice(
        default=settings.default_snapshotter,
        folders={"overlayfs": plugins.overlayfs.root_path, "native": plugins.native.root_path},
        disabled=disabled.snapshotters(),
        overlay_options=plugins.overlayfs.mount_options,
    )

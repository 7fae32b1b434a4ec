"""Calls of containerd's API, service by service, that are made of ours and of the originals alike."""

from tests.compat.containerd.answers import Told
from tests.compat.containerd.stories import containers, content, images, leases, namespaces, others, snapshots

STORIES: list[Told] = [
    found
    for module in (containers, content, images, leases, namespaces, others, snapshots)
    for found in vars(module).values()
    if isinstance(found, Told)
]

"""What a push sends, in which order: blobs, then the manifests that name them, then the indexes that name these."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.references import Reference
from slipway.containerd.content.interface import ContentStore
from slipway.containerd.metadata.model import Scope
from slipway.containerd.transfer.documents import Documents
from slipway.containerd.transfer.sources import mount_candidate, sources_of
from slipway.contracts.containerd_api.types import Descriptor, Platform
from slipway.contracts.oci import platforms
from slipway.contracts.oci.image import FOREIGN_LAYERS, INDEX_TYPES, MANIFEST_TYPES, Index, IndexEntry, Manifest

_DEPTH: Final = 4  # an index of indexes is known; more is somebody's mistake, or a loop


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One thing to push. `mount_from` names a repository of the same registry that has it, as far as we know."""

    target: Descriptor
    parent: Descriptor | None
    mount_from: str = ""


@dataclass(slots=True)
class PushPlan:
    """Each digest once. Blobs may go side by side, then manifests; indexes go in this order, the outermost last."""

    blobs: list[Part] = field(default_factory=list)
    manifests: list[Part] = field(default_factory=list)
    indexes: list[Part] = field(default_factory=list)

    def parts(self) -> Iterator[Part]:
        """All of it, parents first."""
        yield from reversed(self.indexes)
        yield from self.manifests
        yield from self.blobs


class Planner:
    """Plans pushes from one scope to one repository. `wanted` empty: every platform. Blocks on files."""

    def __init__(self, content: ContentStore, scope: Scope, reference: Reference, wanted: Sequence[Platform]) -> None:
        self._content = content
        self._scope = scope
        self._reference = reference
        self._wanted = {_identity(platform) for platform in wanted}
        self._documents = Documents(content, scope)
        self._seen: set[str] = set()

    def plan(self, target: Descriptor) -> PushPlan:
        """Raises NotFound naming the manifest that the store lacks, or where no platform fits; InvalidArgument."""
        plan = PushPlan()
        self._follow(plan, target, None, "", _DEPTH)
        if self._wanted and not plan.manifests:
            wanted = ", ".join("/".join(filter(None, each)) for each in sorted(self._wanted))
            sentence = f"no match for platform in manifest {target.digest}: it has none for {wanted}"
            raise NotFound(f"push {self._reference.complete}: {sentence}")
        return plan

    def _follow(
        self, plan: PushPlan, target: Descriptor, parent: Descriptor | None, inherited: str, depth: int
    ) -> None:
        """`inherited` are the repositories that have the parent, and with it all that it names."""
        if target.digest in self._seen:
            return
        self._seen.add(target.digest)
        if target.media_type not in INDEX_TYPES | MANIFEST_TYPES:
            self._add_blob(plan, target, parent, inherited)
            return
        document = self._documents.read(target)
        sources = self._sources(target, inherited)
        if isinstance(document, Manifest):
            plan.manifests.append(Part(target=target, parent=parent))
            for blob in (document.config, *document.layers):
                self._follow_blob(plan, blob, target, sources)
            return
        if not depth:
            raise InvalidArgument(f"push {self._reference.complete}: indexes of indexes go too deep")
        for entry in self._chosen(document):
            self._follow(plan, entry.target, target, sources, depth - 1)
        plan.indexes.append(Part(target=target, parent=parent))

    def _follow_blob(self, plan: PushPlan, blob: Descriptor, parent: Descriptor, inherited: str) -> None:
        if blob.digest not in self._seen and blob.media_type not in FOREIGN_LAYERS:
            self._seen.add(blob.digest)
            self._add_blob(plan, blob, parent, inherited)

    def _add_blob(self, plan: PushPlan, blob: Descriptor, parent: Descriptor | None, inherited: str) -> None:
        sources = self._sources(blob, inherited)
        mount_from = mount_candidate(sources, self._reference.path)
        plan.blobs.append(Part(target=blob, parent=parent, mount_from=mount_from))

    def _sources(self, target: Descriptor, inherited: str) -> str:
        try:
            labels = self._content.info(self._scope, target.digest).labels
        except NotFound:
            return inherited
        return sources_of(labels, self._reference) or inherited

    def _chosen(self, index: Index) -> list[IndexEntry]:
        return [
            entry
            for entry in index.entries
            if not self._wanted or entry.platform is None or _identity(entry.platform) in self._wanted
        ]


def _identity(platform: Platform) -> tuple[str, str, str]:
    platform = platforms.normalized(platform)
    return platform.os, platform.architecture, platform.variant

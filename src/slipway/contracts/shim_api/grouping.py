"""Which containers share a shim: those whose specifications bear the same group.

Source: containerd core/runtime/v2/README.md ("Overview"), cmd/containerd-shim-runc-v2/manager.
"""

from __future__ import annotations

from slipway.base import json_text

ANNOTATIONS = ("io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id")
"""The first that is there counts."""

SERVICE, JOIN = "slipway.shim.v1.Group", "Join"
"""What `start` tells the shim of a group: the id of a container to come (TaskRequest); answered by ConnectResponse."""


def group_from_specification(text: bytes) -> str:
    """The group that an OCI specification names; "" for none. Raises InvalidArgument for what is no JSON."""
    if not any(name.encode() in text for name in ANNOTATIONS):
        return ""  # all but the containers of pods
    specification = json_text.loads(text, "config.json")
    annotations = specification.get("annotations") if isinstance(specification, dict) else None
    if not isinstance(annotations, dict):
        return ""
    groups = [group for name in ANNOTATIONS if isinstance(group := annotations.get(name), str)]
    return groups[0] if groups else ""

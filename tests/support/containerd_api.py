"""The methods of containerd 2.1's API, and why we do not serve some of them."""

from typing import Final

_SERVICES: Final = {
    "containerd.services.containers.v1.Containers": "Get List ListStream Create Update Delete",
    "containerd.services.content.v1.Content": "Info Update List Delete Read Status ListStatuses Write Abort",
    "containerd.services.diff.v1.Diff": "Apply Diff",
    "containerd.services.events.v1.Events": "Publish Forward Subscribe",
    "containerd.services.images.v1.Images": "Get List Create Update Delete",
    "containerd.services.introspection.v1.Introspection": "Plugins Server PluginInfo",
    "containerd.services.leases.v1.Leases": "Create Delete List AddResource DeleteResource ListResources",
    "containerd.services.namespaces.v1.Namespaces": "Get List Create Update Delete",
    "containerd.services.sandbox.v1.Store": "Create Update Delete List Get",
    "containerd.services.sandbox.v1.Controller": "Create Start Platform Stop Wait Status Shutdown Metrics Update",
    "containerd.services.snapshots.v1.Snapshots": ("Prepare View Mounts Commit Remove Stat Update List Usage Cleanup"),
    "containerd.services.streaming.v1.Streaming": "Stream",
    "containerd.services.tasks.v1.Tasks": (
        "Create Start Delete DeleteProcess Get List Kill Exec ResizePty CloseIO Pause Resume ListPids Checkpoint Update"
        " Metrics Wait"
    ),
    "containerd.services.transfer.v1.Transfer": "Transfer",
    "containerd.services.version.v1.Version": "Version",
    "grpc.health.v1.Health": "Check List Watch",
    "containerd.services.events.ttrpc.v1.Events": "Forward",
}
ORIGINAL: Final = tuple(f"/{service}/{name}" for service, names in _SERVICES.items() for name in names.split())
"""Each as its path on the wire; the last one is ttrpc's, at ADDRESS.ttrpc."""

UNSERVED: Final[dict[str, str]] = {}
"""Why. A method that is served is taken out."""

OTHERS: Final[dict[str, str]] = {
    "/runtime.v1.RuntimeService, /runtime.v1.ImageService": "CRI, for Kubernetes: not served, and not claimed",
}
"""What else the original answers on its socket."""

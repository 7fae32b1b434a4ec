"""All of containerd's services that dockerd calls, over one connection."""

from slipway.clients.containerd.calls import Connection
from slipway.clients.containerd.containers import Containers
from slipway.clients.containerd.content import Content
from slipway.clients.containerd.events import Events
from slipway.clients.containerd.images import Images
from slipway.clients.containerd.snapshots import Snapshots
from slipway.clients.containerd.tasks import Tasks
from slipway.clients.containerd.transfer import Transfer


class ContainerdClient:
    """One namespace of one containerd."""

    def __init__(self, address: str, namespace: str, snapshotter: str) -> None:
        self.connection = Connection(address, namespace)
        self.containers = Containers(self.connection)
        self.content = Content(self.connection)
        self.events = Events(self.connection)
        self.images = Images(self.connection)
        self.snapshots = Snapshots(self.connection, snapshotter)
        self.tasks = Tasks(self.connection)
        self.transfer = Transfer(self.connection, snapshotter)

    def close(self) -> None:
        self.connection.close()

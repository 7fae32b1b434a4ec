"""What a request about a running container waits for first."""

from slipway.dockerd.containers.container import Container


async def start_settled(container: Container) -> None:
    """Return when no start is under way.

    A program runs, and may be heard, a moment before its start has ended: who then asks for a signal, an exec or the
    removal means the running container.
    """
    if not container.state.is_running and container.lock.locked():
        async with container.lock:
            return

"""A client that waits as long as the guest needs."""

from tests.support import docker

PATIENCE = 300.0


class Client:
    """Our client, with the guest's patience."""

    def __init__(self, client: docker.Docker) -> None:
        self._client = client

    def __call__(self, *arguments: str) -> str:
        """Standard output of a command that must succeed, without its surrounding space."""
        return self._client(*arguments, timeout=PATIENCE)

    def run(self, *arguments: str) -> docker.Result:
        return self._client.run(*arguments, timeout=PATIENCE)

"""All containers of this engine, by id, name, or the beginning of an id."""

from collections.abc import Iterator

from slipway.base.errors import AlreadyExists, InvalidArgument, NotFound
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.execs.model import Exec


class ContainerRegistry:
    """In memory, on the event loop: no call here waits, so that one container's state never delays a list."""

    def __init__(self) -> None:
        self._by_id: dict[str, Container] = {}
        self._by_name: dict[str, str] = {}
        self._execs: dict[str, Exec] = {}

    def __iter__(self) -> Iterator[Container]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, container_id: str) -> Container | None:
        return self._by_id.get(container_id)

    def find(self, reference: str) -> Container:
        """By id, by name, or by the beginning of an id. Raises NotFound, InvalidArgument when several begin so."""
        if not reference:
            raise InvalidArgument("bad parameter: no container name or ID supplied")
        found = self._by_id.get(reference) or self._by_id.get(self._by_name.get(reference.removeprefix("/"), ""))
        if found is not None:
            return found
        matches = [each for container_id, each in self._by_id.items() if container_id.startswith(reference)]
        if len(matches) > 1:
            raise InvalidArgument(f"multiple IDs found with provided prefix: {reference}")
        if not matches:
            raise NotFound(f"No such container: {reference}")
        return matches[0]

    def is_name_free(self, name: str) -> bool:
        return name not in self._by_name

    def reserve(self, name: str, container_id: str) -> None:
        """Take a name for a container that is being made. Raises AlreadyExists with the original's sentence."""
        holder = self._by_name.get(name)
        if holder is not None:
            raise AlreadyExists(
                f'Conflict. The container name "/{name}" is already in use by container "{holder}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        self._by_name[name] = container_id

    def release(self, name: str) -> None:
        self._by_name.pop(name, None)

    def add(self, container: Container) -> None:
        """Its name must be reserved, or free."""
        self._by_id[container.id] = container
        self._by_name[container.name] = container.id

    def remove(self, container: Container) -> None:
        self._by_id.pop(container.id, None)
        if self._by_name.get(container.name) == container.id:
            del self._by_name[container.name]
        for exec_id in container.execs:
            self._execs.pop(exec_id, None)

    def add_exec(self, one: Exec) -> None:
        self._execs[one.id] = one

    def remove_exec(self, exec_id: str) -> None:
        self._execs.pop(exec_id, None)

    def find_exec(self, reference: str) -> Exec:
        """By id, or by the beginning of one. Raises NotFound."""
        if (found := self._execs.get(reference)) is not None:
            return found
        matches = [one for exec_id, one in self._execs.items() if reference and exec_id.startswith(reference)]
        if len(matches) != 1:
            raise NotFound(f"No such exec instance: {reference}")
        return matches[0]

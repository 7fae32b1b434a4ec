"""`docker wait`, and what `docker run` waits for."""

from collections.abc import Awaitable, Callable
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.lifecycle import Status

CONDITIONS: Final = ("not-running", "next-exit", "removed")
Outcome = tuple[int, str]  # exit code, error of a failed removal


def wait(container: Container, condition: str) -> Callable[[], Awaitable[Outcome]]:
    """Begin to wait now; the result of awaiting is the outcome. Raises InvalidArgument for an unknown condition.

    What counts is the exit after this call: between the answer's headers and its body a container may start and end.
    """
    condition = condition or "not-running"
    if condition not in CONDITIONS:
        raise InvalidArgument(f'invalid condition: "{condition}"')
    exits = container.exits

    async def outcome() -> Outcome:
        if condition == "removed":
            await container.wait_removed()
        elif condition == "next-exit":
            await container.wait_next_exit(exits)
        else:
            await container.wait_changed((Status.CREATED, Status.EXITED, Status.DEAD))
        # As the original: a failed start is told by its own answer, a failed removal only here.
        return container.state.exit_code, container.state.error if container.state.status == Status.DEAD else ""

    return outcome

"""The same request for several names: sent all at once, answered in order, each answer a line."""

from slipway.base.errors import EngineError
from slipway.docker.session import fail_together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slipway.clients.dockerd.engine import Pending
    from slipway.docker.session import Session

_AT_ONCE = 50  # connections; the daemon works on them beside each other


def for_each(
    session: "Session",
    names: "Sequence[str]",
    begin: "Callable[[str], Pending]",
    *,
    tolerate: "Callable[[EngineError], bool]" = lambda _error: False,
) -> int:
    """Print each name whose request succeeded; 0, or CommandFailed with all errors. Tolerated ones are only shown."""
    errors: list[EngineError] = []
    for first in range(0, len(names), _AT_ONCE):
        batch = names[first : first + _AT_ONCE]
        pending = [(name, _begin(begin, name)) for name in batch]
        for name, request in pending:
            try:
                if isinstance(request, EngineError):
                    raise request
                request.wait_document()
            except EngineError as error:
                if tolerate(error):
                    session.warn(str(error))
                else:
                    errors.append(error)
                continue
            session.print(name)
    fail_together(errors)
    return 0


def _begin(begin: "Callable[[str], Pending]", name: str) -> "Pending | EngineError":
    try:
        return begin(name)
    except EngineError as error:
        return error

"""Which networks `docker network ls` shows. Pure."""

from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.networks.catalogue import BRIDGE, HOST, NONE
from slipway.dockerd.networks.model import Network

FILTERS: Final = frozenset(("dangling", "driver", "id", "label", "name", "scope", "type"))
PRUNE_FILTERS: Final = frozenset(("label", "label!", "until"))
PREDEFINED: Final = frozenset((BRIDGE, HOST, NONE))
_BUILTIN, _CUSTOM = "builtin", "custom"


def check_filters(filters: Filters) -> None:
    """Raises InvalidArgument for names and values that cannot be."""
    filters.check_names(FILTERS)
    dangling = filters.values("dangling")
    if len(dangling) > 1:
        raise InvalidArgument('got more than one value for filter key "dangling"')
    if dangling and dangling[0] not in ("0", "1", "false", "true"):
        raise InvalidArgument('invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")')
    for kind in filters.values("type"):
        if kind not in (_BUILTIN, _CUSTOM):
            raise InvalidArgument(f"invalid filter: 'type'='{kind}'")


def is_selected(network: Network, filters: Filters) -> bool:
    """`filters` must have been checked. What is predefined, or has containers, is not dangling."""
    is_predefined = network.name in PREDEFINED
    if dangling := filters.values("dangling"):
        is_dangling = not is_predefined and not network.endpoints
        if is_dangling != (dangling[0] in ("1", "true")):
            return False
    if "type" in filters and (_BUILTIN if is_predefined else _CUSTOM) not in filters.values("type"):
        return False
    return (
        filters.equals("driver", network.driver)
        and filters.equals("scope", network.scope)
        and filters.matches("name", network.name)
        and filters.matches("id", network.id)
        and filters.has_labels(network.labels)
    )

"""The scope of a call, from its headers."""

from typing import Final

from slipway.base.errors import FailedPrecondition
from slipway.containerd.metadata.model import Scope
from slipway.contracts.containerd_api.words import check_identifier
from slipway.transport.aio.grpc_server import Call

NAMESPACE_HEADER: Final = "containerd-namespace"
LEASE_HEADER: Final = "containerd-lease"


def scope_of(call: Call) -> Scope:
    """Raises FailedPrecondition without a namespace, InvalidArgument for a malformed one."""
    namespace = call.headers.get(NAMESPACE_HEADER, "")
    if not namespace:
        raise FailedPrecondition("namespace is required: failed precondition")
    check_identifier(namespace, "namespace validation: ")
    return Scope(namespace, call.headers.get(LEASE_HEADER, ""))

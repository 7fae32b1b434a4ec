"""What a gRPC method is: its path, its two message types, and whether either side sends many of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `path` is /PACKAGE.SERVICE/METHOD; `name` is METHOD as our handlers spell it (`close_io`)."""

    path: str
    name: str
    request_type: type[Message]
    reply_type: type[Message]
    many_requests: bool
    many_replies: bool


def methods_of(service: ServiceDescriptor) -> Mapping[str, Method]:
    """The methods of a service, by our name. Take the descriptor from generated code:
    `tasks_pb2.DESCRIPTOR.services_by_name["Tasks"]`."""
    methods = (_method(service, method) for method in service.methods)
    return {method.name: method for method in methods}


def _method(service: ServiceDescriptor, method: MethodDescriptor) -> Method:
    return Method(
        path=f"/{service.full_name}/{method.name}",
        name=_WORD_START.sub("_", method.name).lower(),
        request_type=GetMessageClass(method.input_type),
        reply_type=GetMessageClass(method.output_type),
        many_requests=method.client_streaming,
        many_replies=method.server_streaming,
    )

"""What containerd 2.3 and later write to the standard input of a shim's `start`; older ones write the options alone.

Source: containerd api/runtime/bootstrap/v1/bootstrap.proto. The rest of it stands in the arguments and the environment,
too.
"""

from __future__ import annotations

from slipway.wire.protobuf import Message, message, messages, text
from slipway.wire.protobuf_known import AnyMessage


class Extension(Message):
    value = message(1, AnyMessage)


class BootstrapParams(Message):
    instance_id = text(1)
    namespace = text(2)
    extensions = messages(8, Extension)

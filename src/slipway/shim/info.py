"""`-info`: the shim's name and version, and the features of the runtime beneath it."""

from __future__ import annotations

from slipway.base.errors import EngineError
from slipway.base.version import VERSION
from slipway.clients.runc.program import executed
from slipway.clients.runc.runtime import Runtime
from slipway.contracts.shim_api.introspection import FEATURES_TYPE, RuntimeInfo, RuntimeVersion
from slipway.contracts.shim_api.options import OPTIONS_TYPE, Options
from slipway.transport.plain.children import Children
from slipway.transport.plain.loop import Loop
from slipway.wire.protobuf import encode
from slipway.wire.protobuf_known import AnyMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.clients.runc.program import Program

NAME = "io.containerd.runc.v2"


def runtime_info(options: Options, default_runtime: Callable[[], Program]) -> RuntimeInfo:
    """A runtime that does not know `features` (they are younger than the OCI command line) has none here."""
    info = RuntimeInfo(
        name=NAME,
        version=RuntimeVersion(version=VERSION),
        options=AnyMessage(type_url=OPTIONS_TYPE, value=encode(options)),
    )
    loop = Loop()
    loop.open()
    children = Children(loop)
    children.open()
    program = executed(options.binary_name) if options.binary_name else default_runtime()
    runtime = Runtime(loop, children, program, root="/run", log="/dev/null", systemd_cgroup=False)
    try:
        features = loop.run_until(loop.spawn(runtime.features()))
    except EngineError:
        return info
    info.features = AnyMessage(type_url=FEATURES_TYPE, value=features)
    return info

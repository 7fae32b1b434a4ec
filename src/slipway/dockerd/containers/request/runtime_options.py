"""Which shim and which OCI runtime `--runtime` names."""

from dataclasses import dataclass

from google.protobuf.any_pb2 import Any as AnyMessage

from slipway.base.errors import InvalidArgument
from slipway.contracts.containerd_api.generated import runc_options_pb2
from slipway.dockerd.containers.environment import ContainerSettings


@dataclass(frozen=True, kw_only=True)
class ChosenRuntime:
    """containerd's name of the runtime, and the options that its shim gets."""

    name: str
    options: AnyMessage | None


def runtime_of(settings: ContainerSettings, name: str) -> ChosenRuntime:
    """A name of the configuration, or the path of an OCI runtime's binary. Raises InvalidArgument."""
    runtime = settings.runtimes.get(name or settings.defaults.runtime)
    if runtime is not None:
        return ChosenRuntime(name=runtime.shim, options=_runc_options(runtime.binary, settings))
    if name.startswith("/"):
        return ChosenRuntime(name="io.containerd.runc.v2", options=_runc_options(name, settings))
    raise InvalidArgument(f"unknown or invalid runtime name: {name}")


def _runc_options(binary: str, settings: ContainerSettings) -> AnyMessage:
    options = runc_options_pb2.Options(binary_name=binary, root=f"{settings.exec_root}/runtime-runc")
    return AnyMessage(type_url="containerd.runc.v1.Options", value=options.SerializeToString())

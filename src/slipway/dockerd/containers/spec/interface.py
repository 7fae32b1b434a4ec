"""What the rest of dockerd calls: three pure functions, with their contracts.

    specification(request: SpecificationInput) -> dict          generate.py     config.json of a container, ready for
    JSON exec_process(container: SpecificationInput, ...) -> dict    process.py      the process document of `docker
    exec` security_options(options) -> SecurityOptions                security.py     --security-opt, parsed and checked

Errors are InvalidArgument with the original's words where users know them ("capability not supported by your kernel or
not available in the current environment: ..."), so that creating the container can already refuse: call
`check(host_config, facts)` when it is created.
"""

from slipway.dockerd.containers.spec.model import (
    BlockDeviceNumbers,
    ContainerUser,
    HostFacts,
    NamespacePaths,
    ResolvedDevice,
    ResolvedMount,
    SpecificationInput,
)

__all__ = [
    "BlockDeviceNumbers",
    "ContainerUser",
    "HostFacts",
    "NamespacePaths",
    "ResolvedDevice",
    "ResolvedMount",
    "SpecificationInput",
]

"""Puts a specification together. The only place that knows the whole document."""

from typing import Any

from slipway.contracts.oci.defaults import MASKED_PATHS, NETWORK_SYSCTLS, OCI_VERSION, READ_ONLY_PATHS
from slipway.dockerd.containers.spec.devices import device_nodes, device_rules
from slipway.dockerd.containers.spec.model import SpecificationInput
from slipway.dockerd.containers.spec.mounts import container_mounts, root_propagation
from slipway.dockerd.containers.spec.namespaces import has_private_network, namespaces
from slipway.dockerd.containers.spec.process import container_process
from slipway.dockerd.containers.spec.resources import resource_limits
from slipway.dockerd.containers.spec.security import (
    SecurityOptions,
    granted_capabilities,
    seccomp_section,
    security_options,
)


def specification(request: SpecificationInput) -> dict[str, Any]:
    """config.json of a container. Raises InvalidArgument or NotImplementedByEngine for what cannot be granted.

    Parts of the answer are shared between calls (seccomp): write it out, do not change it.
    """
    host_config = request.host_config
    options = security_options(host_config.security_opt, no_new_privileges=request.no_new_privileges)
    capabilities = granted_capabilities(host_config, request.facts.capabilities)
    writable_cgroups = host_config.privileged if options.writable_cgroups is None else options.writable_cgroups
    document: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": container_process(request, options, capabilities),
        "root": _root(request),
        "mounts": container_mounts(request, writable_cgroups=writable_cgroups),
        "linux": _linux(request, options, capabilities),
    }
    if host_config.uts_mode != "host" and request.config.hostname:
        document["hostname"] = request.config.hostname
    if host_config.annotations:
        document["annotations"] = dict(host_config.annotations)
    return document


def _root(request: SpecificationInput) -> dict[str, Any]:
    root: dict[str, Any] = {"path": request.rootfs}
    if request.host_config.readonly_rootfs:
        root["readonly"] = True
    return root


def _linux(request: SpecificationInput, options: SecurityOptions, capabilities: list[str]) -> dict[str, Any]:
    host_config = request.host_config
    linux: dict[str, Any] = {
        "resources": {
            "devices": device_rules(host_config, request.devices),
            **resource_limits(host_config, request.block_devices),
        },
        "cgroupsPath": _cgroup_path(request),
        "namespaces": namespaces(host_config, request.namespaces, network_disabled=request.config.network_disabled),
    }
    optional = {
        "sysctl": _sysctls(request),
        "devices": device_nodes(request.devices),
        "seccomp": seccomp_section(
            options.seccomp,
            privileged=host_config.privileged,
            capabilities=capabilities,
            facts=request.facts,
        ),
        "rootfsPropagation": root_propagation(request.mounts),
        **_hidden_paths(request),
    }
    linux.update((name, value) for name, value in optional.items() if value)
    return linux


def _cgroup_path(request: SpecificationInput) -> str:
    """--cgroup-parent as it was given (relative: to the runtime's own cgroup); the daemon's own is below the root."""
    parent = request.host_config.cgroup_parent or request.cgroup_parent
    if request.facts.systemd_cgroups:
        return f"{parent}:docker:{request.container_id}"
    if not request.host_config.cgroup_parent:
        parent = "/" + parent.strip("/")
    return f"{parent.rstrip('/')}/{request.container_id}"


def _sysctls(request: SpecificationInput) -> dict[str, str]:
    sysctls = {}
    if request.config.domainname:
        sysctls["kernel.domainname"] = request.config.domainname
    if has_private_network(request.host_config):
        sysctls.update((name, value) for name, value in NETWORK_SYSCTLS.items() if name in request.facts.sysctls)
    return {**sysctls, **(request.host_config.sysctls or {})}


def _hidden_paths(request: SpecificationInput) -> dict[str, tuple[str, ...]]:
    """What `HostConfig` says (systempaths=unconfined says: nothing), or the defaults; nothing for a privileged one."""
    host_config = request.host_config
    masked, read_only = host_config.masked_paths, host_config.readonly_paths
    if masked is None:
        masked = () if host_config.privileged else (*MASKED_PATHS, *request.facts.masked_paths)
    if read_only is None:
        read_only = () if host_config.privileged else READ_ONLY_PATHS
    return {"maskedPaths": masked, "readonlyPaths": read_only}

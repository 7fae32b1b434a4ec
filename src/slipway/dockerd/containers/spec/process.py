"""The process document: of a container's first process, and of `docker exec`."""

from collections.abc import Sequence
from typing import Any

from slipway.contracts.engine_api.host_config import HostConfig
from slipway.dockerd.containers.spec.environment import container_environment, overridden
from slipway.dockerd.containers.spec.model import ContainerUser, HostFacts, SpecificationInput
from slipway.dockerd.containers.spec.mounts import INIT_DESTINATION
from slipway.dockerd.containers.spec.security import (
    SecurityOptions,
    apparmor_profile,
    granted_capabilities,
    security_options,
)


def container_process(
    request: SpecificationInput, options: SecurityOptions, capabilities: Sequence[str]
) -> dict[str, Any]:
    """`process` of a specification."""
    config, host_config = request.config, request.host_config
    process: dict[str, Any] = {
        "user": user_document(request.user),
        "args": [INIT_DESTINATION, "--", *request.arguments] if request.init_path else list(request.arguments),
        "env": container_environment(
            config.hostname, terminal=config.tty, links=request.link_environment, configured=config.env or ()
        ),
        "cwd": config.working_dir or "/",
        "capabilities": capability_sets(capabilities),
        "oomScoreAdj": host_config.oom_score_adj,
    }
    if config.tty:
        process["terminal"] = True
        if any(host_config.console_size):
            process["consoleSize"] = {"height": host_config.console_size[0], "width": host_config.console_size[1]}
    if limits := resource_limits_of_process(host_config, request.default_ulimits):
        process["rlimits"] = limits
    if options.no_new_privileges:
        process["noNewPrivileges"] = True
    if profile := apparmor_profile(options.apparmor, privileged=host_config.privileged, facts=request.facts):
        process["apparmorProfile"] = profile
    return process


def exec_process(
    host_config: HostConfig,
    facts: HostFacts,
    *,
    arguments: Sequence[str],
    container_process: dict[str, Any],
    environment: Sequence[str] = (),
    working_directory: str = "",
    user: ContainerUser,
    terminal: bool = False,
    privileged: bool = False,
    console_size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """The document for an exec in a container whose own is `container_process` (`specification(...)["process"]`).

    `environment` overrides the container's, name by name; `working_directory` "" means the container's. `console_size`
    is (height, width). A `privileged` exec gets every capability that the machine has, but the container's seccomp.
    """
    options = security_options(host_config.security_opt)
    capabilities = list(facts.capabilities) if privileged else granted_capabilities(host_config, facts.capabilities)
    inherited = [variable for variable in container_process["env"] if not variable.startswith("TERM=") or terminal]
    if terminal and not any(variable.startswith("TERM=") for variable in inherited):
        inherited.append("TERM=xterm")
    process: dict[str, Any] = {
        "user": user_document(user),
        "args": list(arguments),
        "env": overridden(inherited, environment),
        "cwd": working_directory or container_process["cwd"],
        "capabilities": capability_sets(capabilities),
        "oomScoreAdj": host_config.oom_score_adj,
    }
    for name in ("rlimits", "noNewPrivileges"):
        if name in container_process:
            process[name] = container_process[name]
    if terminal:
        process["terminal"] = True
        if console_size and any(console_size):
            process["consoleSize"] = {"height": console_size[0], "width": console_size[1]}
    confined = host_config.privileged or privileged
    if profile := apparmor_profile(options.apparmor, privileged=confined, facts=facts):
        process["apparmorProfile"] = profile
    return process


def user_document(user: ContainerUser) -> dict[str, Any]:
    return {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.additional_gids)}


def capability_sets(names: Sequence[str]) -> dict[str, list[str]]:
    """Nothing inheritable, nothing ambient. No names at all is no section, as Go's omitempty has it."""
    return {kind: list(names) for kind in ("bounding", "effective", "permitted")} if names else {}


def resource_limits_of_process(
    host_config: HostConfig, defaults: Sequence[tuple[str, int, int]]
) -> list[dict[str, Any]]:
    """--ulimit, then the daemon's for those that were not named. -1 (no limit) is Go's uint64(-1)."""
    asked = [(limit.name, limit.soft, limit.hard) for limit in host_config.ulimits or ()]
    names = {name for name, _, _ in asked}
    asked += [limit for limit in defaults if limit[0] not in names]
    return [
        {
            "type": f"RLIMIT_{name.upper()}",
            "hard": hard & 0xFFFFFFFFFFFFFFFF,
            "soft": soft & 0xFFFFFFFFFFFFFFFF,
        }
        for name, soft, hard in asked
    ]

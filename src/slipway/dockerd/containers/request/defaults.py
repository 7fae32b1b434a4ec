"""What the daemon chooses where a container's host configuration says nothing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slipway.contracts.engine_api.host_config import HostConfig, LogConfig
from slipway.contracts.oci.defaults import MASKED_PATHS, READ_ONLY_PATHS
from slipway.dockerd.containers.spec.model import HostFacts

SHM_SIZE = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class DaemonDefaults:
    """Of the daemon's configuration."""

    runtime: str = "runc"
    log_driver: str = "json-file"
    log_options: Mapping[str, str] = field(default_factory=dict)


def completed_host_config(asked: HostConfig, facts: HostFacts, daemon: DaemonDefaults) -> HostConfig:
    """The host configuration that inspect shows."""
    unified = facts.cgroup_version == 2
    policy = asked.restart_policy
    return replace(
        asked,
        network_mode="bridge" if asked.network_mode in ("", "default") else asked.network_mode,
        memory_swap=asked.memory * 2 if asked.memory > 0 and not asked.memory_swap else asked.memory_swap,
        memory_swappiness=None if asked.memory_swappiness == -1 else asked.memory_swappiness,
        shm_size=asked.shm_size or SHM_SIZE,
        ipc_mode=asked.ipc_mode or "private",
        cgroupns_mode=asked.cgroupns_mode or ("private" if unified else "host"),
        runtime=asked.runtime or daemon.runtime,
        restart_policy=replace(policy, name=policy.name or "no"),
        log_config=_log_config(asked.log_config, daemon),
        oom_kill_disable=_oom_kill_disable(asked.oom_kill_disable, unified=unified),
        pids_limit=asked.pids_limit if (asked.pids_limit or 0) > 0 else None,
        security_opt=_security_options(asked),
        masked_paths=_hidden(asked, asked.masked_paths, (*MASKED_PATHS, *facts.masked_paths)),
        readonly_paths=_hidden(asked, asked.readonly_paths, READ_ONLY_PATHS),
        port_bindings={} if asked.port_bindings is None else asked.port_bindings,
    )


def _log_config(asked: LogConfig, daemon: DaemonDefaults) -> LogConfig:
    if asked.type and asked.type != daemon.log_driver:
        return replace(asked, config=asked.config or {})
    return LogConfig(type=daemon.log_driver, config={**daemon.log_options, **(asked.config or {})})


def _oom_kill_disable(asked: bool | None, *, unified: bool) -> bool | None:
    """cgroup v2 cannot disable the killer; v1 can."""
    return None if unified else bool(asked)


def _security_options(asked: HostConfig) -> tuple[str, ...] | None:
    """As the original: namespaces of the host, or all privileges, go without a label."""
    if asked.privileged or asked.ipc_mode == "host" or asked.pid_mode == "host":
        return (*(asked.security_opt or ()), "label=disable")
    return asked.security_opt


def _hidden(asked: HostConfig, paths: tuple[str, ...] | None, default: tuple[str, ...]) -> tuple[str, ...] | None:
    if paths is not None or asked.privileged:
        return paths
    return tuple(default)

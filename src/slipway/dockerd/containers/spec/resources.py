"""`linux.resources` but for the devices: memory, processors, processes and block devices."""

from collections.abc import Mapping
from typing import Any

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.host_config import HostConfig, ThrottleDevice
from slipway.dockerd.containers.spec.model import BlockDeviceNumbers

CPU_PERIOD = 100_000  # microseconds: what --cpus is a share of; the kernel's own default


def resource_limits(host_config: HostConfig, block_devices: BlockDeviceNumbers) -> dict[str, Any]:
    limits: dict[str, Any] = {"blockIO": _block_devices(host_config, block_devices.numbers)}
    if memory := _memory(host_config):
        limits["memory"] = memory
    if cpu := _processors(host_config):
        limits["cpu"] = cpu
    if host_config.pids_limit is not None:
        # Zero and below mean "no limit" in the API, and -1 in the specification.
        limits["pids"] = {"limit": host_config.pids_limit if host_config.pids_limit > 0 else -1}
    return limits


def _memory(host_config: HostConfig) -> dict[str, Any]:
    """Bytes. A swap limit of -1 (unlimited) is not written: the original leaves it to the kernel's default."""
    memory: dict[str, Any] = {}
    for name, value in (
        ("limit", host_config.memory),
        ("reservation", host_config.memory_reservation),
        ("swap", host_config.memory_swap),
    ):
        if value > 0:
            memory[name] = value
    if host_config.memory_swappiness is not None:
        # Go's uint64(-1), which the original passes on for "not set".
        memory["swappiness"] = host_config.memory_swappiness & 0xFFFFFFFFFFFFFFFF
    if host_config.oom_kill_disable is not None:
        memory["disableOOMKiller"] = host_config.oom_kill_disable
    if host_config.kernel_memory:
        memory["kernel"] = host_config.kernel_memory
    if host_config.kernel_memory_tcp:
        memory["kernelTCP"] = host_config.kernel_memory_tcp
    return memory


def _processors(host_config: HostConfig) -> dict[str, Any]:
    if host_config.cpu_shares < 0:
        raise InvalidArgument(f"invalid CPU shares ({host_config.cpu_shares}): value must be a positive integer")
    cpu: dict[str, Any] = {}
    if host_config.nano_cpus > 0:
        cpu["period"] = CPU_PERIOD
        cpu["quota"] = host_config.nano_cpus * CPU_PERIOD // 1_000_000_000
    for name, value in (
        ("shares", host_config.cpu_shares),
        ("cpus", host_config.cpuset_cpus),
        ("mems", host_config.cpuset_mems),
        ("period", host_config.cpu_period),
        ("quota", host_config.cpu_quota),
        ("realtimePeriod", host_config.cpu_realtime_period),
        ("realtimeRuntime", host_config.cpu_realtime_runtime),
    ):
        if value:
            cpu[name] = value
    return cpu


def _block_devices(host_config: HostConfig, numbers: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    if host_config.blkio_weight:
        block["weight"] = host_config.blkio_weight
    if host_config.blkio_weight_device:
        block["weightDevice"] = [
            {**_device(device.path, numbers), "weight": device.weight} for device in host_config.blkio_weight_device
        ]
    for name, devices in (
        ("throttleReadBpsDevice", host_config.blkio_device_read_bps),
        ("throttleWriteBpsDevice", host_config.blkio_device_write_bps),
        ("throttleReadIOPSDevice", host_config.blkio_device_read_iops),
        ("throttleWriteIOPSDevice", host_config.blkio_device_write_iops),
    ):
        if devices:
            block[name] = [_throttle(device, numbers) for device in devices]
    return block


def _throttle(device: ThrottleDevice, numbers: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    return {**_device(device.path, numbers), "rate": device.rate}


def _device(path: str, numbers: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    if path not in numbers:
        raise InvalidArgument(f"stat {path}: no such file or directory")
    major, minor = numbers[path]
    return {"major": major, "minor": minor}

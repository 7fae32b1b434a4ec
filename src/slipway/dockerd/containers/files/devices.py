"""Finds the device nodes of the host that a container asked for, or, for a privileged one, all of them."""

import os
import stat

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.host_config import HostConfig, ThrottleDevice, WeightDevice
from slipway.dockerd.containers.spec.model import BlockDeviceNumbers, ResolvedDevice

# Below /dev, but a container has its own: moby and containerd leave these out.
OWN_FOLDERS = frozenset(("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"))
KINDS = {stat.S_IFBLK: "b", stat.S_IFCHR: "c", stat.S_IFIFO: "p"}


def devices_of_container(host_config: HostConfig) -> tuple[ResolvedDevice, ...]:
    """What `SpecificationInput.devices` wants; reads the host's /dev. Raises InvalidArgument for what is no device."""
    mappings = host_config.devices or ()
    if not host_config.privileged:
        return tuple(
            device
            for mapping in mappings
            for device in devices_from_path(mapping.path_on_host, mapping.path_in_container, mapping.cgroup_permissions)
        )
    devices = host_devices("/dev")
    for mapping in mappings:
        if mapping.path_on_host != mapping.path_in_container:
            devices += devices_from_path(mapping.path_on_host, mapping.path_in_container, "rwm")
    return tuple(devices)


def devices_from_path(path_on_host: str, path_in_container: str, access: str) -> list[ResolvedDevice]:
    """The device at a path, or all of those below a directory."""
    resolved = os.path.realpath(path_on_host)
    try:
        device = _device(resolved, path_in_container, access)
    except OSError as error:
        raise _unusable(path_on_host, (error.strerror or "").lower()) from error
    if device:
        return [device]
    devices = []
    for folder, folders, files in os.walk(resolved):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            inside = path_in_container + path[len(resolved) :]
            if found := _device_or_nothing(path, inside, access):
                devices.append(found)
    if not devices:
        raise _unusable(path_on_host, "not a device node")
    return devices


def host_devices(folder: str) -> list[ResolvedDevice]:
    """Every device below `folder` by name, without pipes, the console, and what a container has of its own."""
    devices: list[ResolvedDevice] = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in OWN_FOLDERS:
                devices += host_devices(entry.path)
        elif entry.name != "console":
            device = _device_or_nothing(entry.path, entry.path, "rwm")
            if device and device.kind != "p":
                devices.append(device)
    return devices


def block_device_numbers(host_config: HostConfig) -> BlockDeviceNumbers:
    """The numbers of the devices that --blkio-weight-device, --device-read-bps and their like name."""
    asked: tuple[WeightDevice | ThrottleDevice, ...] = (
        *(host_config.blkio_weight_device or ()),
        *(host_config.blkio_device_read_bps or ()),
        *(host_config.blkio_device_write_bps or ()),
        *(host_config.blkio_device_read_iops or ()),
        *(host_config.blkio_device_write_iops or ()),
    )
    numbers = {}
    for device in asked:
        try:
            number = os.stat(device.path).st_rdev
        except OSError as error:
            raise InvalidArgument(f"stat {device.path}: {(error.strerror or '').lower()}") from error
        numbers[device.path] = (os.major(number), os.minor(number))
    return BlockDeviceNumbers(numbers=numbers)


def _device_or_nothing(path: str, path_in_container: str, access: str) -> ResolvedDevice | None:
    """None also for a device that went away since it was listed."""
    try:
        return _device(path, path_in_container, access)
    except OSError:
        return None


def _device(path: str, path_in_container: str, access: str) -> ResolvedDevice | None:
    status = os.lstat(path)
    kind = KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return None
    return ResolvedDevice(
        path=path_in_container,
        kind=kind,
        major=os.major(status.st_rdev),
        minor=os.minor(status.st_rdev),
        mode=status.st_mode,
        uid=status.st_uid,
        gid=status.st_gid,
        access=access,
    )


def _unusable(path: str, cause: str) -> InvalidArgument:
    return InvalidArgument(f'error gathering device information while adding custom device "{path}": {cause}')

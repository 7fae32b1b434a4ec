"""What an engine that was killed leaves on a machine, and how it goes: processes, mounts, bridge, firewall, cgroups."""

import json
import os
from contextlib import suppress
from pathlib import Path

from slipway.linux import nftables
from slipway.linux.netlink import links
from slipway.linux.netlink.connection import Connection
from tests.support import cgroup_folders, processes
from tools.dev import say
from tools.dev.instance import DevInstance

# An engine turns these on for containers to reach out, as the original does; the last `down` puts them back. They are
# the network namespace's, not one checkout's: so is the note of what they were. A restart of the machine forgets both.
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/conf/all/route_localnet")


def remember_settings() -> None:
    """Note what the machine's settings are, unless an earlier `up`, of any checkout, has noted them."""
    with suppress(FileExistsError), open(_note(), "x", encoding="ascii") as note:
        json.dump({name: value for name in SYSCTLS if (value := _read(name))}, note)


def remove(instance: DevInstance) -> None:
    """Take away all that bears this instance's names. What is not there is fine; what stays is told."""
    mine = [p for p in processes.mentioning(str(instance.folder)) if _is_of_an_engine(p.command)]
    mine += [p for p in processes.mentioning(str(instance.run)) if _is_of_an_engine(p.command)]
    try:
        processes.end([*mine, *(below for one in mine for below in processes.descendants(one.pid))])
        cgroup_folders.end_all_in(instance.cgroup_parent)
    except (AssertionError, OSError) as error:  # another PID namespace's, say: a sandbox that shares our cgroup tree
        say.warn(f"cgroup {instance.cgroup_parent} stays: {error}")
    _unmount_below(instance.folder, instance.run)
    _remove_link(instance.bridge)
    _remove_table(instance.firewall_table)
    _restore_settings()


def _is_of_an_engine(command: str) -> bool:
    """Whether a command line is one of our programs', not that of an editor which shows one of our files."""
    return any(name in word.rpartition("/")[2] for word in command.split()[:6] for name in ("dockerd", "containerd"))


def _unmount_below(*folders: Path) -> None:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    for target in sorted((line.split()[4] for line in lines), key=len, reverse=True):
        if any(Path(target).is_relative_to(folder) for folder in folders):
            _umount(target)


def _umount(target: str) -> None:
    from slipway.linux import mount_flags, mounts

    with suppress(OSError):
        mounts.unmount(target, mount_flags.MNT_DETACH)


def _remove_link(name: str) -> None:
    with suppress(OSError), Connection() as connection:
        if (link := links.find(connection, name)) is not None:
            connection.request(links.delete(link.index))


def _remove_table(name: str) -> None:
    with suppress(OSError):
        firewall = nftables.Firewall()
        try:
            firewall.commit([nftables.Table(name).delete()])
        finally:
            firewall.close()


def _read(name: str) -> str:
    with suppress(OSError):
        return (Path("/proc/sys") / name).read_text().strip()
    return ""


def _note() -> Path:
    return Path(f"/run/slipway-before-up-{os.stat('/proc/self/ns/net').st_ino}.json")


def _restore_settings() -> None:
    """Put back what the first `up` found, unless another engine, the original's too, still needs them as they are."""
    note = _note()
    if not note.exists() or _another_engine_runs():
        return
    for name, value in json.loads(note.read_text() or "{}").items():
        if _read(name) != value:
            with suppress(OSError):
                (Path("/proc/sys") / name).write_text(value)
    note.unlink()


def _another_engine_runs() -> bool:
    here = os.readlink("/proc/self/ns/net")
    for process in processes.mentioning("dockerd"):
        with suppress(OSError):  # it has just ended
            programs = {word.rpartition("/")[2] for word in process.command.split()[:6]}
            if "dockerd" in programs and os.readlink(f"/proc/{process.pid}/ns/net") == here:
                return True
    return False

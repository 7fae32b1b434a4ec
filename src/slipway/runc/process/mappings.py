"""The id mappings of a new user namespace: written by this process, or by the tools that may write more than a user.

Source: user_namespaces(7); newuidmap(1), newgidmap(1), which allow what subuid(5) and subgid(5) give to a user.
"""

import os

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import IdMapping
from slipway.linux import namespaces
from slipway.runc.process.programs import find_host_program, run_to_end
from slipway.runc.report import words_of

_TOOLS = {"uid_map": "newuidmap", "gid_map": "newgidmap"}


def map_lines(mappings: list[IdMapping]) -> str:
    """As /proc/PID/uid_map takes them."""
    return "".join(f"{item.container_id} {item.host_id} {item.size}\n" for item in mappings)


def write_mappings(pid: int, uid_mappings: list[IdMapping], gid_mappings: list[IdMapping]) -> None:
    """Of a process in a new user namespace. Raises InvalidArgument for what the kernel, or the tools, do not take."""
    for file, mappings in (("uid_map", uid_mappings), ("gid_map", gid_mappings)):
        try:
            _write(pid, file, mappings)
        except PermissionError as error:
            if os.geteuid() == 0:
                raise _refused(file, error) from None
            _write_by_tool(pid, file, mappings)
        except OSError as error:
            raise _refused(file, error) from None


def _write(pid: int, file: str, mappings: list[IdMapping]) -> None:
    if file == "gid_map" and _is_own_group(mappings):
        # Only who gives it up may map the own group alone: else a process could leave a group that locks it out.
        namespaces.write_process_file(pid, "setgroups", "deny")
    namespaces.write_process_file(pid, file, map_lines(mappings))


def _is_own_group(mappings: list[IdMapping]) -> bool:
    """What an ordinary user may map without a tool."""
    return os.geteuid() != 0 and [(item.host_id, item.size) for item in mappings] == [(os.getegid(), 1)]


def _write_by_tool(pid: int, file: str, mappings: list[IdMapping]) -> None:
    name = _TOOLS[file]
    kind = f"linux.{file[0]}idMappings"
    program = find_host_program(name)
    if not program:
        raise InvalidArgument(
            f"failed to update /proc/{pid}/{file}: a user may map other ids than their own only by {name}, "
            f"which is not in $PATH ({kind}; Debian has it in the package uidmap)"
        )
    status, words = run_to_end(program, [name, str(pid), *map_lines(mappings).split()])
    if status:
        place = f"/etc/sub{file[:3]}"
        said = " ".join(words.split()) or f"exit status {status}"
        raise InvalidArgument(f"failed to update /proc/{pid}/{file}: {said} ({kind}: {place} says what a user may map)")


def _refused(file: str, error: OSError) -> InvalidArgument:
    hint = "ranges must not be empty or overlap, and at most 340 fit"
    return InvalidArgument(f"failed to update {words_of(error)} (linux.{file[0]}idMappings: {hint})")

"""Looks up whom a container runs as: `--user`, the image's user and `--group-add`, in the container's own files.

Pure: the files' bytes come from `rootfs_files`. A number is a number even if somebody has it as a name; one that does
not fit is refused, not looked up as a name (CVE-2026-46680).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.dockerd.containers.spec.model import ContainerUser

HIGHEST: Final = (1 << 31) - 1  # as the original: beyond it an id could wrap to 0 (CVE-2024-40635)


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    gid: int
    members: Sequence[str]


def container_user(text: str, group_add: Iterable[str], passwd: bytes, group: bytes) -> ContainerUser:
    """`USER[:GROUP]` by name or number. Raises InvalidArgument: "unable to find user X: no matching entries ..."."""
    user_text, _, group_text = text.partition(":")
    groups = _groups(group)
    user = _find_user(user_text, _users(passwd))
    gid = _find_group(group_text, groups) if group_text else user.gid
    additional = [gid]
    if not group_text:
        additional += [each.gid for each in groups if user.name and user.name in each.members]
    for name in group_add:
        additional.append(_find_group(name, groups))
    return ContainerUser(uid=user.uid, gid=gid, additional_gids=tuple(dict.fromkeys(additional)))


def _find_user(text: str, users: list[_User]) -> _User:
    if not text:
        return next((user for user in users if user.uid == 0), _User("", 0, 0))
    number = _number(text)
    for user in users:
        if user.uid == number if number is not None else user.name == text:
            return user
    if number is not None:
        return _User("", number, 0)
    raise InvalidArgument(f"unable to find user {text}: no matching entries in passwd file")


def _find_group(text: str, groups: list[_Group]) -> int:
    number = _number(text)
    if number is not None:
        return number
    for group in groups:
        if group.name == text:
            return group.gid
    raise InvalidArgument(f"unable to find group {text}: no matching entries in group file")


def _number(text: str) -> int | None:
    """ASCII digits with an optional minus; None for what is a name."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if len(text) > 10 or not 0 <= int(text) <= HIGHEST:
        raise InvalidArgument(f"uids and gids must be in range 0-{HIGHEST}")
    return int(text)


def _users(passwd: bytes) -> list[_User]:
    found = []
    for parts in _lines(passwd):
        if len(parts) >= 4 and (uid := _field(parts[2])) is not None and (gid := _field(parts[3])) is not None:
            found.append(_User(parts[0], uid, gid))
    return found


def _groups(group: bytes) -> list[_Group]:
    found = []
    for parts in _lines(group):
        if len(parts) >= 3 and (gid := _field(parts[2])) is not None:
            found.append(_Group(parts[0], gid, parts[3].split(",") if len(parts) > 3 else ()))
    return found


def _field(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= HIGHEST else None


def _lines(data: bytes) -> Iterable[list[str]]:
    for line in data.decode("utf-8", "replace").split("\n"):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield stripped.split(":")

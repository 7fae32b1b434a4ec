"""Who `--user` means: names looked up in the container's own passwd and group files, given as bytes. Pure.

passwd(5), group(5). What is written there is an image's: every number is checked against the range, wherever it comes
from (CVE-2024-40635), and digits are a number even when they are too many for one (CVE-2026-46680).
"""

from collections.abc import Callable, Iterator, Sequence

from slipway.base.errors import InvalidArgument
from slipway.dockerd.containers.spec.model import ContainerUser

HIGHEST_ID = (1 << 31) - 1
DIGITS = frozenset("0123456789")


def resolved_user(
    wanted: str, *, passwd: bytes = b"", group: bytes = b"", group_add: Sequence[str] = ()
) -> ContainerUser:
    """`wanted` is "", "user", "uid", "user:group", "uid:gid" or a mixture; absent files are empty ones.

    A number is never taken for a name. Supplementary groups come from the group file when no group was named, and from
    `group_add`. Raises InvalidArgument in the original's words.
    """
    user_word, _, rest = wanted.partition(":")
    group_word = rest.partition(":")[0]
    name, uid, gid = _user(user_word, passwd)
    supplementary: list[int] = []
    if group_word:
        gid = _group(group_word, group)
    elif name:
        supplementary = [entry_gid for _, entry_gid, members in _groups(group) if name in members]
    groups = [gid, *supplementary, *_added_groups(group_add, group)]
    for number in (uid, *groups):
        _check_range(number)
    return ContainerUser(uid=uid, gid=gid, additional_gids=tuple(groups))


def _user(word: str, passwd: bytes) -> tuple[str, int, int]:
    """(name or "", uid, gid); no user at all is root."""
    number = 0 if not word else _number(word)
    matches: Callable[[str, int], bool] = (
        (lambda name, uid: name == word) if number is None else (lambda name, uid: uid == number)
    )
    for fields in _lines(passwd):
        name, uid = fields[0], _lenient_number(fields, 2)
        if matches(name, uid):
            return name, uid, _lenient_number(fields, 3)
    if number is None:
        raise InvalidArgument(f"unable to find user {word}: no matching entries in passwd file")
    return "", number, 0


def _group(word: str, group: bytes) -> int:
    number = _number(word)
    if number is not None:
        return number
    for name, gid, _ in _groups(group):
        if name == word:
            return gid
    raise InvalidArgument(f"unable to find group {word}: no matching entries in group file")


def _added_groups(words: Sequence[str], group: bytes) -> list[int]:
    added: list[int] = []
    for word in words:
        number = _number(word)
        if number is None:
            number = next((gid for name, gid, _ in _groups(group) if name == word), None)
        if number is None:
            raise InvalidArgument(f"Unable to find group {word}: no matching entries in group file")
        if number not in added:
            added.append(number)
    return added


def _groups(content: bytes) -> Iterator[tuple[str, int, list[str]]]:
    for fields in _lines(content):
        if not fields[0].startswith("#"):
            members = fields[3].split(",") if len(fields) > 3 and fields[3] else []
            yield fields[0], _lenient_number(fields, 2), members


def _lines(content: bytes) -> Iterator[list[str]]:
    """The fields of each line that is not empty. Any byte passes: names are compared, not shown."""
    for line in content.split(b"\n"):
        if stripped := line.strip():
            yield stripped.decode("utf-8", "surrogateescape").split(":")


def _lenient_number(fields: Sequence[str], place: int) -> int:
    """A missing or malformed number in the file is 0, as glibc and the original have it."""
    number = _number(fields[place]) if len(fields) > place else None
    return number or 0


def _number(word: str) -> int | None:
    """ASCII digits with an optional minus; None for anything else, which is then a name."""
    digits = word[1:] if word[:1] == "-" else word
    if not digits or not DIGITS.issuperset(digits):
        return None
    number = int(digits[:20])  # more digits are out of range all the same
    return -number if word[:1] == "-" else number


def _check_range(number: int) -> None:
    if not 0 <= number <= HIGHEST_ID:
        raise InvalidArgument(f"uids and gids must be in range 0-{HIGHEST_ID}")

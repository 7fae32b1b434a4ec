"""Option words of mount(8) as flags."""

import pytest

from slipway.linux import mount_flags as flags
from slipway.runc.plan.mount_options import known_mount_options, parse_mount_options, propagation_from_word


def test_the_last_of_two_contradicting_words_wins() -> None:
    options = parse_mount_options(["ro", "nosuid", "rw", "suid", "nodev"])
    assert options.add == flags.MOUNT_ATTR_NODEV
    assert options.clear == flags.MOUNT_ATTR_RDONLY | flags.MOUNT_ATTR_NOSUID


def test_access_time_modes_replace_each_other() -> None:
    options = parse_mount_options(["noatime", "strictatime"])
    assert options.add & flags.MOUNT_ATTR_ATIME == flags.MOUNT_ATTR_STRICTATIME
    assert parse_mount_options(["noatime", "relatime"]).add == 0


def test_recursive_attributes_are_kept_apart() -> None:
    options = parse_mount_options(["rro", "rnosuid", "rsuid"])
    assert (options.add, options.clear) == (0, 0)
    assert options.recursive_add == flags.MOUNT_ATTR_RDONLY
    assert options.recursive_clear == flags.MOUNT_ATTR_NOSUID


def test_propagation_keeps_its_order() -> None:
    options = parse_mount_options(["rbind", "rprivate", "shared"])
    assert options.bind
    assert options.recursive
    assert options.propagation == [(flags.MS_PRIVATE, True), (flags.MS_SHARED, False)]


def test_unknown_words_are_for_the_file_system() -> None:
    options = parse_mount_options(["size=64k", "newinstance", "mode=755", "defaults", "tmpcopyup"])
    assert options.data == [("size", "64k"), ("newinstance", None), ("mode", "755")]


@pytest.mark.parametrize("word", known_mount_options())
def test_every_known_word_is_understood(word: str) -> None:
    superblock = {"sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"}
    assert parse_mount_options([word]).data == ([(word, None)] if word in superblock else [])


def test_propagation_words() -> None:
    assert propagation_from_word("rslave") == (flags.MS_SLAVE, True)
    assert propagation_from_word("shared") == (flags.MS_SHARED, False)
    assert propagation_from_word("ro") is None

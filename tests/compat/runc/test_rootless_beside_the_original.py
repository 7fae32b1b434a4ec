"""An ordinary user's containers by the original runc and by ours, in the same tree, for the same user."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.runc.spec.example import make_rootless
from tests.compat.runc.beside import SIDES, Done, Pair
from tests.support import ordinary_user
from tests.support.ordinary_user import (
    USER,
    a_group,
    a_limit,
    more_groups,
    no_user_namespace,
    with_subordinates,
)

pytestmark = pytest.mark.root

Change = Callable[[dict[str, Any]], None]


class RootlessPair(Pair):
    """Both programs run as `somebody`, who has subordinate ids."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        ordinary_user.make_known(self.enter, folder)
        for side in SIDES:
            ordinary_user.give(folder / side)

    def argv(self, side: str, *words: str, cwd: str = "") -> list[str]:
        argv = super().argv(side, *words, cwd=cwd)
        at = argv.index(self._programs[side])
        return [*argv[:at], *ordinary_user.IDENTITY, *argv[at:]]

    def bundle(self, *args: str, change: Change | None = None) -> str:
        def to_rootless(spec: dict[str, Any]) -> None:
            make_rootless(spec, USER, USER)
            del spec["linux"]["cgroupsPath"]
            if change is not None:
                change(spec)

        name = super().bundle(*args, change=to_rootless)
        for side in SIDES:
            ordinary_user.give(self.folder / side / name)
        return name

    def same(self, *words: str) -> Done:
        """What both answer, which must be one answer."""
        done = self.both(*words)
        assert done["ours"] == done["orig"], done
        return done["ours"]


@pytest.fixture(scope="module")
def session(machine_unchanged: None, short_folder: Path) -> Iterator[RootlessPair]:
    pair = RootlessPair(short_folder / "u")
    try:
        yield pair
    finally:
        pair.close()


@pytest.fixture
def pair(session: RootlessPair) -> Iterator[RootlessPair]:
    yield session
    session.remove_all()


def of_another_user(spec: dict[str, Any]) -> None:
    with_subordinates(spec)
    spec["process"]["user"] = {"uid": 33, "gid": 34}


WHO = "id -u; id -g; id -G; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; ls -ln /dev | head -n 3"


@pytest.mark.parametrize("change", [None, with_subordinates, of_another_user])
def test_users_and_mappings(pair: RootlessPair, change: Change | None) -> None:
    name = pair.bundle("sh", "-c", WHO, change=change)
    done = pair.same("run", "--bundle", f"{{side}}/{name}", "c1")
    assert done.status == 0
    assert done.out.split()[0] in ("0", "33")


def test_the_example_of_spec(pair: RootlessPair) -> None:
    name = pair.bundle()
    for side in SIDES:
        (pair.folder / side / name / "config.json").unlink()
    pair.same("spec", "--rootless", "--bundle", f"{{side}}/{name}")
    ours, theirs = (json.loads((pair.folder / side / name / "config.json").read_text()) for side in SIDES)
    assert ours == theirs


def test_the_life_of_a_container(pair: RootlessPair) -> None:
    pair.created("c1", "sleep", "1000")
    pair.same("start", "c1")
    assert pair.same("exec", "c1", "sh", "-c", "id -u; exit 5").status == 5
    pair.same("kill", "c1", "KILL")
    pair.wait_for_both(lambda side: pair.status(side, "c1") == "stopped")
    pair.same("delete", "c1")
    assert pair.same("list", "-q").out == ""


def test_groups_of_the_machine_are_not_the_user_s(pair: RootlessPair) -> None:
    pair.created("c1", "sleep", "1000")
    saved = {side: pair.both("state", "c1")[side].out for side in SIDES}
    assert saved["ours"].splitlines()[1:] == saved["orig"].splitlines()[1:]
    done = pair.both("update", "--pids-limit", "5", "c1")
    assert done["ours"].log == done["orig"].log[-1:]


@pytest.mark.parametrize("change", [no_user_namespace, more_groups, a_limit, a_group])
def test_what_a_user_cannot_have_is_refused_by_both(pair: RootlessPair, change: Change) -> None:
    name = pair.bundle("true", change=change)
    done = pair.both("run", "--bundle", f"{{side}}/{name}", "c1")
    assert (done["ours"].status, done["orig"].status) == (1, 1)
    assert [level for level, _ in done["ours"].log] == ["error"]
    (_, ours), (_, theirs) = done["ours"].log[-1], done["orig"].log[-1]
    assert set(ours.split()[-4:]) & set(theirs.split()), (ours, theirs)
    assert pair.same("list", "-q").out == ""

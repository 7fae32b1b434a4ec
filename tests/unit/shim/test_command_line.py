"""The shim's flags, as containerd 1.7 and 2.1 pass them."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.shim.command_line import parse

CALL = ["-namespace", "moby", "-address", "/run/c.sock", "-publish-binary", "/usr/bin/containerd", "-id", "c1"]


def test_start_as_containerd_calls_it():
    line = parse([*CALL, "-debug", "start"])
    assert (line.action, line.namespace, line.id, line.address, line.debug) == (
        "start",
        "moby",
        "c1",
        "/run/c.sock",
        True,
    )
    assert line.served() == ["-namespace", "moby", "-id", "c1", "-address", "/run/c.sock", "-debug"]


def test_delete_as_containerd_calls_it():
    line = parse([*CALL, "-bundle", "/run/b", "delete"])
    assert (line.action, line.bundle, line.debug) == ("delete", "/run/b", False)


@pytest.mark.parametrize("flag", ["-id=c1", "--id=c1"])
def test_gos_other_spellings(flag):
    assert parse(["--namespace=n", flag, "-debug=false"]).id == "c1"


@pytest.mark.parametrize(("flag", "action"), [("-v", "version"), ("--version", "version"), ("-info", "info")])
def test_questions_need_no_namespace(flag, action):
    assert parse([flag]).action == action


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["start"], "namespace cannot be empty"),
        (["-namespace", "a/b", "-id", "c"], "must match"),
        (["-namespace", "n", "-id", "../x", "start"], "must match"),
        (["-namespace", "n", "-id"], "needs an argument"),
        (["-bogus"], "not defined"),
        (["-namespace", "n", "-id", "c", "-debug=perhaps"], "invalid boolean"),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(InvalidArgument, match=words):
        parse(arguments)

"""The command line, as containerd's go-runc and people write it."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.runc.options.globals import Invocation
from slipway.runc.options.parse import SWITCH, TEXT, TEXTS, Flag, check_arguments, parse_options

FLAGS = (Flag(TEXT, "bundle", "b"), Flag(SWITCH, "detach", "d"), Flag(TEXTS, "env", "e"))


def test_flags_are_written_in_many_ways() -> None:
    for words in (["--bundle", "/x"], ["--bundle=/x"], ["-b", "/x"], ["-bundle", "/x"]):
        assert parse_options(FLAGS, words, interleaved=True).text("bundle") == "/x"


def test_flags_may_follow_arguments_unless_they_belong_to_the_program() -> None:
    words = ["id", "-d", "sh", "-b", "x"]
    assert parse_options(FLAGS, words, interleaved=True).arguments == ["id", "sh"]
    options = parse_options(FLAGS, words, interleaved=False)
    assert options.arguments == words
    assert not options.switch("detach")


def test_two_dashes_end_the_flags() -> None:
    assert parse_options(FLAGS, ["-d", "--", "-b"], interleaved=True).arguments == ["-b"]


def test_repeated_texts_are_all_kept() -> None:
    assert parse_options(FLAGS, ["-e", "a=1", "--env", "b=2"], interleaved=True).texts("env") == ["a=1", "b=2"]


def test_switches_take_a_value_after_an_equals_sign() -> None:
    assert not parse_options(FLAGS, ["--detach=false"], interleaved=True).switch("detach")


@pytest.mark.parametrize("words", [["--nope"], ["--bundle"], ["--detach=perhaps"]])
def test_wrong_flags_are_refused(words: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        parse_options(FLAGS, words, interleaved=True)


def test_the_number_of_arguments_is_checked() -> None:
    options = parse_options((), ["a", "b"], interleaved=True)
    check_arguments("kill", options, 1, 2)
    for low, high in ((1, 1), (3, None), (0, 1)):
        with pytest.raises(InvalidArgument):
            check_arguments("kill", options, low, high)


def test_an_invocation_as_containerd_writes_it() -> None:
    words = [
        "--root",
        "/run/containerd/runc/moby",
        "--log",
        "/l.json",
        "--log-format",
        "json",
        "create",
        "--bundle",
        "/b",
        "id",
    ]
    invocation = Invocation(words, "/run/runc")
    assert (invocation.root, invocation.verb, invocation.log_json) == ("/run/containerd/runc/moby", "create", True)
    assert invocation.words == ["--bundle", "/b", "id"]


def test_an_unknown_log_format_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        Invocation(["--log-format", "xml", "list"], "/run/runc")

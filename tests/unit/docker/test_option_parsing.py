"""Command lines are read as pflag reads them."""

import pytest

from slipway.docker.options.flags import Flag, boolean, integer, mapping, text, texts
from slipway.docker.options.parser import FlagError, HelpRequested, parse_options

FLAGS: list[Flag] = [
    boolean("all", short="a"),
    boolean("proxy", default=True),
    text("name", short="n"),
    texts("env", short="e"),
    mapping("opt", short="o"),
    integer("time", short="t"),
    texts("net-alias", alias_of="env"),
    integer("old", alias_of="time", deprecated="use --time instead"),
]


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--name", "x"], "name", "x"),
        (["--name=x"], "name", "x"),
        (["--name="], "name", ""),
        (["-n", "x"], "name", "x"),
        (["-nx"], "name", "x"),
        (["-n=x"], "name", "x"),
        (["-an", "x"], "name", "x"),
        (["-a"], "all", True),
        (["--all=false"], "all", False),
        (["--proxy=0"], "proxy", False),
        ([], "proxy", True),
        (["-e1", "--env", "2", "-e=3"], "env", ["1", "2", "3"]),
        (["-o", "a=b", "-o", "c"], "opt", {"a": "b", "c": ""}),
        (["-t", "-5"], "time", -5),
        (["--time=0x10"], "time", 16),
        (["--net-alias", "x"], "env", ["x"]),
        (["--name", "--all"], "name", "--all"),
    ],
)
def test_values(arguments: list[str], name: str, value: object) -> None:
    assert parse_options(FLAGS, arguments)[name] == value


def test_flags_and_arguments_may_be_mixed() -> None:
    options = parse_options(FLAGS, ["x", "-a", "y", "--", "-n", "z"])
    assert (options.arguments, options["all"]) == (["x", "y", "-n", "z"], True)


def test_the_first_argument_ends_the_flags_of_a_command_that_runs_one() -> None:
    options = parse_options(FLAGS, ["-a", "image", "ls", "-n", "--foo"], are_mixed=False)
    assert options.arguments == ["image", "ls", "-n", "--foo"]


def test_a_single_dash_is_an_argument() -> None:
    assert parse_options(FLAGS, ["-"]).arguments == ["-"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--foo"], "unknown flag: --foo"),
        (["--foo=x"], "unknown flag: --foo"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["-axb"], "unknown shorthand flag: 'x' in -xb"),
        (["--name"], "flag needs an argument: --name"),
        (["-an"], "flag needs an argument: 'n' in -n"),
        (["--=x"], "bad flag syntax: --=x"),
        (["-t", "x"], 'invalid argument "x" for "-t, --time" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (["--all=x"], 'invalid argument "x" for "-a, --all" flag: strconv.ParseBool: parsing "x": invalid syntax'),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    with pytest.raises(FlagError) as caught:
        parse_options(FLAGS, arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("argument", ["--help", "-h", "-ah"])
def test_help(argument: str) -> None:
    with pytest.raises(HelpRequested):
        parse_options(FLAGS, [argument, "--unknown"])


def test_a_deprecated_flag_works_and_says_so() -> None:
    options = parse_options(FLAGS, ["--old", "3"])
    assert options["time"] == 3
    assert options.notices == ["Flag --old has been deprecated, use --time instead"]

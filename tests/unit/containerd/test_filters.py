"""containerd's filter grammar: what matches, and what is refused with the place shown."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.containerd_api.filters import field_of_map, filters_from_texts


def field_of(path: tuple[str, ...]) -> str | None:
    if path[0] == "labels":
        return field_of_map({"com.example/role": "web", "1st": "x", "a.b": "1", "empty": ""}, path[1:])
    return {"name": "nginx", "image": "docker.io/library/nginx:latest"}.get(".".join(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name==nginx",
        'name=="nginx"',
        "name!=redis",
        "absent!=anything",
        "name~=^ngi",
        'name~="^ng.nx$"',
        "image~=/library\\/nginx/",
        "image~=|library/nginx|",
        'labels."com.example/role"==web',
        "labels.a.b==1",
        'labels."a.b"==1',
        "labels.empty",
        "name==nginx,labels.a.b",
        "name == nginx, labels.a.b",
        "image==docker.io/library/nginx:latest",
        'name=="\\x6eginx"',
        'name=="\\156ginx"',
        'name=="\\u006eginx"',
        "image~=/library.nginx:[a-z]/",
        "image~=/library\\\\Wnginx/",
        "labels.1st",
        "absent~=^$",
    ],
)
def test_matches(text: str) -> None:
    assert filters_from_texts([text]).matches(field_of)


@pytest.mark.parametrize(
    "text",
    [
        "absent",
        "name~=[",
        "name==redis",
        "name!=nginx",
        "name~=^x",
        "name==nginx,absent",
        "labels.none",
        'labels."a.b"==2',
    ],
)
def test_does_not_match(text: str) -> None:
    assert not filters_from_texts([text]).matches(field_of)


def test_several_filters_are_alternatives_and_none_matches_all() -> None:
    assert filters_from_texts(["name==redis", "name==nginx"]).matches(field_of)
    assert not filters_from_texts(["name==redis", "absent"]).matches(field_of)
    assert filters_from_texts([]).matches(field_of)


@pytest.mark.parametrize(
    "text",
    [
        "==x",
        "name==",
        "name=x",
        "name===x",
        "name==!x",
        "name,",
        "name ",
        "name==a b",
        "name==a ,name",
        "name==/a/",
        "name==.x",
        'name=="open',
        'name=="\\q"',
        "image~=/a\\.b/",
        "name.",
        "na-me",
        "name==a,,b",
    ],
)
def test_a_malformed_filter_is_refused_and_shown(text: str) -> None:
    with pytest.raises(InvalidArgument, match="parse filter"):
        filters_from_texts([text])


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|aa)+$", "(.*a){12}$", "((a*)*)*b", "^(a?){60}a{60}$"])
def test_no_pattern_takes_longer_than_anybody_waits(pattern: str) -> None:
    """Any client may subscribe with one, and name what is published: all others would wait, for ever."""
    chosen = filters_from_texts([f'name~="{pattern}"'])
    assert not chosen.matches({("name",): "a" * 59 + "!"}.get)


def test_a_pattern_of_python_s_own_matches_nothing() -> None:
    for pattern in ("(a)\\\\1", "(?=a)a", "a(?!b)"):
        assert not filters_from_texts([f'name~="{pattern}"']).matches({("name",): "aa"}.get)

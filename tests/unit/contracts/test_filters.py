"""The parameter `filters`: both spellings, what matches, and what is refused in the original's words."""

from typing import Any

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.filters import Filters, filters_from_document

SECOND = 1_000_000_000


def given(**values: list[str]) -> Filters:
    return filters_from_document({name.replace("_not", "!"): texts for name, texts in values.items()})


def all_values(filters: Filters) -> dict[str, list[str]]:
    return {name: filters.values(name) for name in filters}


@pytest.mark.parametrize(
    ("document", "values"),
    [
        (None, {}),
        ({}, {}),
        ({"label": ["a=b", "c"]}, {"label": ["a=b", "c"]}),
        ({"label": {"a=b": True, "c": False}}, {"label": ["a=b", "c"]}),
        ({"label": None}, {"label": []}),
        ({"label": [None]}, {"label": [""]}),
        ({"label": {"a": None}}, {"label": ["a"]}),
        ({"a": None, "b": ["c"]}, {"a": [], "b": ["c"]}),
    ],
)
def test_both_spellings_are_read(document: Any, values: dict[str, list[str]]) -> None:
    assert all_values(filters_from_document(document)) == values


@pytest.mark.parametrize(
    "document",
    [[], "label", 1, True, {"a": "b"}, {"a": 1}, {"a": [1]}, {"a": {"b": 1}}, {"a": {"b": True}, "c": ["d"]}],
)
def test_what_is_neither_spelling_is_refused(document: Any) -> None:
    with pytest.raises(InvalidArgument) as raised:
        filters_from_document(document)
    assert raised.value.message == "invalid filter"


def test_an_unknown_name_is_refused() -> None:
    given(label=["a"]).check_names(("label", "until"))
    with pytest.raises(InvalidArgument) as raised:
        given(label=["a"], labels=["a"]).check_names(("label", "until"))
    assert raised.value.message == "invalid filter 'labels'"


@pytest.mark.parametrize(("value", "means"), [("1", True), ("true", True), ("0", False), ("false", False)])
def test_a_boolean_has_four_words(value: str, means: bool) -> None:
    assert given(dangling=[value]).boolean("dangling", default=not means) is means
    assert given(dangling=[value, "nonsense"]).boolean("dangling") is means  # as the original


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"dangling": []}, "invalid filter 'dangling'"),
        ({"dangling": ["yes"]}, "invalid filter 'dangling=[yes]'"),
        ({"dangling": ["True"]}, "invalid filter 'dangling=[True]'"),
        ({"dangling": ["1", "0"]}, "invalid filter 'dangling=[1 0]'"),
        ({"dangling": {"true": False}}, "invalid filter 'dangling=[true]'"),
    ],
)
def test_what_is_no_boolean_is_refused(document: Any, words: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        filters_from_document(document).boolean("dangling")
    assert raised.value.message == words


def test_an_absent_boolean_is_the_default() -> None:
    assert Filters().boolean("dangling", default=True)
    assert not Filters().single_boolean("all")


def test_all_of_volumes_is_gos_boolean_and_one_only() -> None:
    assert [given(all=[text]).single_boolean("all") for text in ("1", "t", "TRUE", "0", "F", "False")] == (
        [True] * 3 + [False] * 3
    )
    with pytest.raises(InvalidArgument) as raised:
        given(all=["true", "false"]).single_boolean("all")
    assert raised.value.message == "invalid filter 'all=[true false]': only one value is expected"
    with pytest.raises(InvalidArgument) as raised:
        given(all=["yes"]).single_boolean("all")
    assert raised.value.message == "invalid filter 'all': strconv.ParseBool: parsing \"yes\": invalid syntax"


def test_names_are_matched_as_regular_expressions_or_whole() -> None:
    assert given(name=["^web$"]).matches("name", "web")
    assert not given(name=["^web$"]).matches("name", "xwebx")
    assert given(name=["nosuch", "eb"]).matches("name", "xwebx")
    assert given(name=["a+b"]).matches("name", "a+b")  # the whole text, though the expression is not in it
    assert not given(name=["("]).matches("name", "web")
    assert given(name=[]).matches("name", "web")
    assert Filters().matches("name", "web")


def test_a_value_that_is_false_equals_nothing() -> None:
    asked = filters_from_document({"driver": {"local": False}})
    assert not asked.equals("driver", "local")
    assert asked.values("driver") == ["local"]


def test_beginnings() -> None:
    assert given(event=["exec_start"]).begins("event", "exec_start: sh")
    assert not given(event=["exec_create"]).begins("event", "exec_start: sh")
    assert Filters().begins("event", "die")


def test_labels_must_all_hold_and_not_all_of_those_denied() -> None:
    labels = {"keep": "", "role": "web"}
    assert given(label=["keep", "role=web"]).passes_labels(labels)
    assert not given(label=["keep", "role=db"]).passes_labels(labels)
    assert not given(label=["keep"]).passes_labels(None)
    assert not given(label_not=["keep"]).passes_labels(labels)
    assert not given(label_not=["keep", "role=web"]).passes_labels(labels)
    assert given(label_not=["keep", "role=db"]).passes_labels(labels)
    assert given(label_not=["keep"]).passes_labels({})
    assert not given(label=["keep"], label_not=["role=web"]).passes_labels(labels)


def test_until_is_one_moment() -> None:
    assert Filters().until(now=0, offset=0) is None
    assert given(until=["10s"]).until(now=100 * SECOND, offset=0) == 90 * SECOND
    with pytest.raises(InvalidArgument) as raised:
        given(until=["1s", "2s"]).until(now=0, offset=0)
    assert raised.value.message == "more than one until filter specified"
    for wrong in (given(until=[]), given(until=["soon"])):
        with pytest.raises(InvalidArgument):
            wrong.until(now=0, offset=0)


def test_values_can_be_added_and_taken_away() -> None:
    asked = given(all=["0"])
    assert all_values(asked.adding("label", "a")) == {"all": ["0"], "label": ["a"]}
    assert all_values(asked.without("all")) == {}
    assert all_values(asked) == {"all": ["0"]}
    assert list(asked.adding("label", "a")) == ["all", "label"]

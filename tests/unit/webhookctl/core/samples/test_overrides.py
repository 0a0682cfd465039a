"""Changes by JSON path: exact, or refused with the nearest paths."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookctl.core.samples.overrides import Overrides, apply, nearest, parse_path, parse_value, paths
from webhookctl.errors import UsageError

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "data": {"object": {"amount": 4200, "currency": "usd", "items": [{"price": 1}, {"price": 2}], "a.b": 1}},
}


def changed(**changes: list[str]) -> Any:
    return apply(EVENT, Overrides(**changes))["data"]["object"]


def test_set_replaces_a_value() -> None:
    """A path that exists gets the new value."""
    assert changed(sets=["data.object.amount=9900"])["amount"] == 9900


@pytest.mark.parametrize("path", ["data.object.items[1].price", "data.object.items.1.price"])
def test_set_reaches_into_lists(path: str) -> None:
    """Indexes work in brackets and as a step."""
    assert changed(sets=[f"{path}=7"])["items"] == [{"price": 1}, {"price": 7}]


def test_set_reaches_names_with_dots() -> None:
    """A quoted step takes any name."""
    assert changed(sets=['data.object["a.b"]=2'])["a.b"] == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.5", 1.5), ("true", True), ("null", None), ('"1"', "1"), ("eur", "eur"), ("", ""), ("NaN", "NaN"),
     ("[1]", [1]), ("{", "{"), ("a=b", "a=b")],
)  # fmt: skip
def test_values_are_json_where_they_parse(text: str, value: object) -> None:
    """What is JSON is taken as JSON; everything else is text."""
    assert parse_value(text) == value


@pytest.mark.parametrize("option", ["sets", "removes"])
@pytest.mark.parametrize(
    "path", ["data.object.nope", "nope", "data.object.items[2]", "data.object.amount.x", "data.object.items[+]"]
)
def test_an_unknown_path_is_an_error(option: str, path: str) -> None:
    """Nothing is ignored: the error names the path and offers others."""
    with pytest.raises(UsageError) as caught:
        apply(EVENT, Overrides(**{option: [path if option == "removes" else f"{path}=1"]}))
    assert path in caught.value.message
    assert "nothing was sent" in caught.value.message
    assert "nearest paths: " in str(caught.value.hint)


def test_the_nearest_paths_start_with_the_likeliest() -> None:
    """A typo finds its neighbour first."""
    assert nearest("data.object.amout", list(paths(EVENT)))[0] == "data.object.amount"
    assert nearest("data.amount", list(paths(EVENT)))[0] == "data.object.amount"


def test_paths_with_the_longest_common_parent_come_first() -> None:
    """An index past a list's end is next to that list's items, not to those of another list."""
    event = {"data": {"object": {"types": ["card"], "more": [0] * 9}}, "types": list(range(9))}
    assert nearest("data.object.types.5", list(paths(event)))[0] == "data.object.types[0]"
    assert nearest("data.object.types[5].x", list(paths(event)))[0] == "data.object.types[0]"


def test_add_makes_what_is_missing() -> None:
    """Members, their parents and list items can be added."""
    assert changed(adds=["data.object.metadata.order=7"])["metadata"] == {"order": 7}
    assert changed(adds=["data.object.items[+]=3"])["items"][2] == 3


def test_add_refuses_what_is_there() -> None:
    """Adding never replaces."""
    with pytest.raises(UsageError, match="it is there already") as caught:
        changed(adds=["data.object.amount=1"])
    assert caught.value.hint == "--set data.object.amount=..."


def test_remove_takes_out() -> None:
    """Members and list items can be removed."""
    assert "currency" not in changed(removes=["data.object.currency"])
    assert changed(removes=["data.object.items[0]"])["items"] == [{"price": 2}]


@pytest.mark.parametrize("path", ["", ".", "a.", "a[", "a[x]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """A malformed path is an error of its own."""
    with pytest.raises(UsageError, match="is not a JSON path"):
        parse_path(path)


def test_set_without_a_value_is_refused() -> None:
    """`--set` needs an equals sign."""
    with pytest.raises(UsageError, match="has no '='"):
        changed(sets=["data.object.amount"])


def test_the_original_is_left_alone() -> None:
    """Changes are made to a copy."""
    before = copy.deepcopy(EVENT)
    changed(sets=["data.object.amount=1"], removes=["data.object.items[0]"])
    assert before == EVENT


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), children, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), _JSON, min_size=1, max_size=4), st.data())
def test_every_listed_path_can_be_set(event: dict[str, Any], data: st.DataObject) -> None:
    """Whatever `paths` offers, `--set` accepts."""
    offered = [path for path in paths(event) if '"' not in path and "=" not in path]
    if offered:
        path = data.draw(st.sampled_from(offered))
        apply(event, Overrides(sets=[f"{path}=1"]))

"""JSON Patch: RFC 6902's own examples, and patches found between documents."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookctl.core.dlq.json_patch import PatchError, apply, difference, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("document", "step", "expected"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, {"op": "add", "path": "/foo/1", "value": "qux"}, {"foo": ["bar", "qux", "baz"]}),
        ({"foo": ["bar"]}, {"op": "add", "path": "/foo/-", "value": ["abc"]}, {"foo": ["bar", ["abc"]]}),
        ({"baz": "qux", "foo": "bar"}, {"op": "remove", "path": "/baz"}, {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, {"op": "remove", "path": "/foo/1"}, {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, {"op": "replace", "path": "/baz", "value": "boo"}, {"baz": "boo"}),
        ({"foo": ["all", "grass", "cows"]}, {"op": "move", "from": "/foo/1", "path": "/foo/2"},
         {"foo": ["all", "cows", "grass"]}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"a": 1}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": 1, "b": 1}),
    ],
)  # fmt: skip
def test_operations_do_what_the_rfc_shows(document: Any, step: dict[str, Any], expected: Any) -> None:
    """RFC 6902, appendix A; the document that was given stays as it was."""
    before = repr(document)
    assert apply(parse([step]), document) == expected
    assert repr(document) == before


@pytest.mark.parametrize(
    "step",
    [
        {"op": "replace", "path": "/no", "value": 1},
        {"op": "remove", "path": "/list/2"},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "/no/deep", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "a", "value": 1},
    ],
)
def test_patch_that_does_not_fit_is_refused(step: dict[str, Any]) -> None:
    """A path that is not there is an error, never ignored."""
    with pytest.raises(PatchError):
        apply(parse([step]), {"a": 1, "list": [1, 2]})


@pytest.mark.parametrize("patch", [{}, [1], [{"op": "add", "path": "/a"}], [{"op": "eval", "path": "/a"}], [{}]])
def test_what_is_not_a_patch_is_refused(patch: object) -> None:
    """The form is checked before anything is applied."""
    with pytest.raises(PatchError):
        parse(patch)


POINTER = st.sampled_from(["", "/a", "/0", "/-", "/a/0", "/~01", "a", "/~", "/" + "9" * 5000]) | st.text(max_size=3)
STEP = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "replace", "remove", "move", "copy", "test"]) | JSON,
        "path": POINTER | JSON,
        "from": POINTER | JSON,
        "value": JSON,
        "mustBeNew": JSON,
    },
)
DOCUMENT = JSON | st.dictionaries(st.sampled_from("a~"), JSON) | st.lists(JSON)


@given(JSON | st.lists(STEP | JSON, max_size=4), DOCUMENT)
def test_any_json_is_a_patch_or_a_patch_error(patch: Any, document: Any) -> None:
    """Neither reading nor applying raises anything else, and what comes out is JSON."""
    with suppress(PatchError):
        json.dumps(apply(parse(patch), document))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (5, "is not an object"),
        ({"op": [], "path": ""}, "has no op of add,"),
        ({"op": "add", "path": "/a"}, "(add) has no 'value'"),
        ({"op": "move", "path": "/a", "from": 5}, "(move) has a 'from' that is not a JSON pointer"),
        ({"op": "remove", "path": "/~2"}, "(remove) has a 'path' that is not a JSON pointer"),
        ({"op": "move", "from": "/0", "path": "/0/b"}, "(move) moves a value into itself"),
    ],
)
def test_refusal_names_the_operation(step: object, said: str) -> None:
    """In a long file the number finds it."""
    with pytest.raises(PatchError, match="operation 2 ") as refused:
        parse([{"op": "remove", "path": "/a"}, step])
    assert said in refused.value.message


def test_truth_is_no_number_at_any_depth() -> None:
    """A test of `1` does not hold where `true` stands, however deep."""
    with pytest.raises(PatchError):
        apply(parse([{"op": "test", "path": "/a", "value": [{"b": 1}]}]), {"a": [{"b": True}]})


def test_document_that_nests_too_deep_is_a_patch_error() -> None:
    """The interpreter's limit is told as what it is."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(PatchError, match="nests too deep"):
        apply([], deep)


@given(JSON, JSON)
def test_difference_leads_from_one_document_to_the_other(before: Any, after: Any) -> None:
    """Applying what `difference` finds gives the second document."""
    assert apply(parse(list(difference(before, after))), before) == after


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        ({"amount": 1000}, {"amount": 1234}, {"amount": 999_900}),
        ({"x": 1, "amount": 1000}, {"x": 1}, {"x": 1, "amount": 555}),
        ({}, {"amount": 1234}, {"amount": 555}),
        ([1, 2], [1], [1, 3]),
        ({"is_live": True}, {"is_live": False}, {"is_live": 1}),
    ],
    ids=["replaced", "removed", "added", "list", "type"],
)
def test_difference_of_one_document_never_overwrites_another_value(before: Any, after: Any, other: Any) -> None:
    """A change made to one document fits only documents that hold the same in that place."""
    patch = parse(list(difference(before, after)))
    with pytest.raises(PatchError):
        apply(patch, other)

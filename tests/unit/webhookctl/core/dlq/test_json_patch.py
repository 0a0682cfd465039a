"""JSON Patch: RFC 6902's own examples, and patches found between documents."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
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


NAMES = st.sampled_from(["", "a", "b", "-", "/", "~", "~1", "a/b", "é"])
ALIKE = st.recursive(
    st.sampled_from([1, 1.0, True, "1", None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=6,
)
"""Documents of few values, most of which Python takes for one another: `1`, `1.0` and `true`."""


@st.composite
def versions(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """Draw a document, and two others that were made from it by a change here and there."""
    before = draw(ALIKE)
    return before, _changed(before, draw), _changed(before, draw)


def _changed(value: Any, draw: st.DrawFn) -> Any:
    """Return a value with each of its places kept as a rule, else replaced, left out, or with something beside it."""
    if draw(st.integers(0, 4)) == 0:
        return draw(ALIKE)
    if isinstance(value, list):
        kept = [_changed(element, draw) for element in value if draw(st.integers(0, 3))]
        return kept if draw(st.integers(0, 3)) else [*kept, draw(ALIKE)]
    if isinstance(value, dict):
        members = {name: _changed(member, draw) for name, member in value.items() if draw(st.integers(0, 2))}
        return members if draw(st.integers(0, 3)) else {**members, draw(NAMES): draw(ALIKE)}
    return value


def spelled(value: Any) -> str:
    """Return JSON in one spelling: `1`, `1.0` and `true` are three."""
    return json.dumps(value, sort_keys=True)


@settings(max_examples=400)
@given(versions())
def test_difference_leads_from_one_document_to_the_other_and_no_further(documents: tuple[Any, Any, Any]) -> None:
    """A saved patch turns the first into the second; of a third that it fits it takes nothing that was not the same."""
    before, after, other = documents
    there, back = (parse(json.loads(spelled(list(difference(*way))))) for way in ((before, after), (after, before)))
    assert spelled(apply(there, before)) == spelled(after)
    assert spelled(apply(back, after)) == spelled(before)
    try:
        changed = apply(there, other)
    except PatchError:
        return
    restored = spelled(apply(back, changed))
    assert restored.replace("1.0", "1") == spelled(other).replace("1.0", "1")  # one number, to the RFC


@pytest.mark.parametrize("place", [[], [1]])
def test_a_new_member_is_added_to_objects_only(place: list[int]) -> None:
    """To a list `/-` means its end: what was made for an object does not fit there."""
    with pytest.raises(PatchError):
        apply(parse(list(difference({}, {"-": 2}))), place)


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

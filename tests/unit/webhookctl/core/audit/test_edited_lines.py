"""An edited line is named at the write that it told of, whatever it says to be now."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes_audit import grown

VICTIM = "stripe:evt_2"
LONG_AFTER = datetime(2033, 6, 1, tzinfo=UTC)
"""The rows have expired by then."""


@pytest.mark.parametrize("place", [3, 4, 5])
@pytest.mark.parametrize(
    "fields", [{"amountMinor": 1}, {"eventType": "x"}, {"actor": "operator:x"}, {"hmac": "0" * 64}]
)
def test_an_edited_line_is_named(place: int, fields: dict[str, object]) -> None:
    """Whichever line and field: the seal no longer holds, and the write it stood for is known."""
    world = grown()
    world.edit_line(place, **fields)
    assert world.findings() == [("edited_line", VICTIM, place - 2)]


def test_a_line_whose_number_was_edited_counts_as_edited_not_as_missing_and_forged() -> None:
    """Its true place is the one that is empty."""
    world = grown()
    world.edit_line(4, seq=3)
    assert world.findings() == [("edited_line", VICTIM, 2)]


@pytest.mark.parametrize("place", [3, 4, 5])
@pytest.mark.parametrize(
    "fields",
    [
        {"seq": 99}, {"seq": None}, {"seq": "x"}, {"webhookId": "stripe:evt_1"}, {"webhookId": "stripe:other"},
        {"webhookId": None}, {"type": "x"}, {"type": None}, {"type": "operator"}, {"change": "REMOVE"}, {"v": 1},
        {"v": 3}, {"chained": False}, {"lineId": "x"},
    ],
)  # fmt: skip
def test_an_edited_line_is_named_though_it_says_to_be_another(place: int, fields: dict[str, Any]) -> None:
    """Another write's, another webhook's, or no line of the audit log: where its seal holds again it belongs."""
    world = grown()
    world.log[place] = replace(world.log[place], message=json.dumps({**world.log[place].written(), **fields}))
    assert world.findings() == [("edited_line", VICTIM, place - 2)]


def test_every_line_of_which_the_webhook_was_edited_is_named() -> None:
    """Each broken line accounts for one gap, and each gap for one line."""
    world = grown()
    for place in range(9):
        line = {**world.log[place].written(), "webhookId": "stripe:other"}
        world.log[place] = replace(world.log[place], message=json.dumps(line))
    expected = [("edited_line", f"stripe:evt_{number}", seq) for number in (1, 2, 3) for seq in (1, 2, 3)]
    assert sorted(world.findings()) == expected


@pytest.mark.parametrize(
    ("by_ttl", "fields"),
    [(True, {"status": "x"}), (True, {"actor": "x"}), (True, {"change": "x"}), (True, {"seq": 7}), (True, {"type": 1})],
)
def test_an_edited_line_of_an_expiry_is_named_alone(by_ttl: bool, fields: dict[str, Any]) -> None:  # noqa: FBT001
    """The row is gone when its time was over, and a line that told so stands there."""
    world = grown()
    world.at = LONG_AFTER
    world.put(VICTIM, None, by_ttl=by_ttl)
    world.edit_line(9, **fields)
    assert world.findings() == [("edited_line", VICTIM, 3)]


def test_a_removal_that_was_edited_to_look_like_an_expiry_is_named_as_both() -> None:
    """The seal holds with the actor that it had."""
    world = grown()
    world.put(VICTIM, None)
    world.edit_line(9, actor="ttl")
    assert world.findings() == [("edited_line", VICTIM, 3), ("row_deleted", VICTIM, 3)]


@pytest.mark.parametrize("fields", [{"status": "x"}, {"seq": 9}, {"webhookId": "stripe:other"}, {"chained": True}])
def test_an_edited_line_of_a_write_around_the_project_is_named(fields: dict[str, Any]) -> None:
    """The row shows that there was one."""
    world = grown()
    world.edit_row(VICTIM, recorded=True, amountMinor=1)
    world.log[9] = replace(world.log[9], message=json.dumps({**world.log[9].written(), **fields}))
    assert sorted(world.findings()) == [("edited_line", VICTIM, 3), ("row_changed_without_record", VICTIM, 3)]


def test_a_row_that_was_to_stay_did_not_expire_whatever_an_edited_line_says() -> None:
    """The lines before tell until when: the removal is somebody's, though no seal says whose it was."""
    world = grown()
    world.put(VICTIM, None)
    world.edit_line(9, actor="ttl", at="2033-06-01T00:00:00.000Z")
    assert world.findings() == [("edited_line", VICTIM, 3), ("row_deleted", VICTIM, 3)]


@pytest.mark.parametrize("at", [0, 4], ids=["before", "behind"])
def test_forged_lines_do_not_hide_which_line_was_edited(at: int) -> None:
    """However many stand before or behind it: its chain hash is that which the next line goes on from."""
    world = grown()
    world.edit_line(4, seq=77)
    forged = {**world.log[4].written(), "seq": 500, "chain": "x", "hmac": "x"}
    for number in range(100):
        world.say({**forged, "id": f"f-{number}", "seq": 500 + number}, place=at)
    found = world.findings()
    assert found.count(("edited_line", VICTIM, 2)) == 1
    assert {kind for kind, _, _ in found} == {"edited_line", "forged_line"}
    assert len(found) == 101

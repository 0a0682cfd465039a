"""Operators' actions: sealed with the audit key, and nothing gets in that does not belong there."""

import json
from typing import Any

import pytest

from lambdas.audit import handler
from lambdas.shared.audit_record import AuditKey, is_genuine
from lambdas.shared.errors import UnavailableError
from lambdas.shared.operator_line import ALIAS, is_own_id, operator_name
from stack.outputs import OPERATOR_ALIAS
from tests.fakes_aws import Fault
from tests.fakes_trip import Trip, stripe_body

KEY = AuditKey(id="a1", value=b"audit-seal-planted")
ACTION = {
    "at": "2026-01-02T03:04:05.000Z",
    "principal": "arn:aws:sts::1:assumed-role/Admin/alice",
    "user": "alice",
    "action": "dlq.edit",
    "actionId": "rd-1",
    "outcome": "edited",
    "webhookId": "stripe:evt_1",
    "paths": "replace /amount",
}


def record(trip: Trip, *actions: Any, previous: str | None = None) -> dict[str, Any]:
    """Have actions recorded, as the alias does."""
    with trip._logged():
        return handler.record_actions(
            {"operatorActions": list(actions), "previousLine": previous}, environment=trip.auditor
        )


def operator_lines(trip: Trip) -> list[dict[str, Any]]:
    """Return the operators' lines that were written."""
    return [line for line in trip.lines if line["type"] == "operator"]


def test_an_action_is_sealed_with_what_the_logger_knows_itself() -> None:
    """The actor follows from the principal; the environment and the time of recording are the logger's own."""
    trip = Trip()
    answer = record(trip, ACTION)
    (line,) = operator_lines(trip)
    assert answer == {"sealed": [line["lineId"]]}
    assert is_genuine(line, [KEY])
    assert is_own_id(line["lineId"], [KEY])
    assert (line["actor"], line["environment"], line["at"]) == ("operator:Admin/alice", "test", ACTION["at"])
    assert line["recordedAt"] > line["at"]
    assert {name: line[name] for name in ACTION} == ACTION


def test_actions_of_one_run_name_each_other() -> None:
    """Each line holds the id of the one before, also across calls."""
    trip = Trip()
    first = record(trip, ACTION, {**ACTION, "webhookId": "stripe:evt_2"})["sealed"]
    record(trip, {**ACTION, "outcome": "done"}, previous=first[-1])
    lines = operator_lines(trip)
    assert [line.get("previousLine") for line in lines] == [None, lines[0]["lineId"], lines[1]["lineId"]]


def test_an_invocation_that_is_repeated_seals_the_same_id() -> None:
    """So that answers hold the action once; another moment or outcome is another action."""
    trip = Trip()
    assert record(trip, ACTION) == record(trip, ACTION)
    assert record(trip, {**ACTION, "outcome": "done"}) != record(trip, ACTION)


@pytest.mark.parametrize(
    "change",
    [
        {"body": "{}"},
        {"actor": "processor"},
        {"lineId": "x"},
        {"hmac": "0" * 64},
        {"type": "audit"},
        {"environment": "prod"},
        {"outcome": None},
        {"outcome": 'done","actor":"ttl'},
        {"principal": "alice"},
        {"webhookId": "stripe:evt\n1"},
        {"counts": "many"},
        {"error": "x" * 1001},
        {"filter": {"ids": ["evt"] * 52}},
        {"filter": {"a": {"b": {"c": {"d": 1}}}}},
        {"filter": {f"k{n}": "x" * 1000 for n in range(50)}},
        {"error": "the key is whsec_abcdefgh12"},
        {"error": "-----BEGIN SOMETHING-----"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_not_allowed_is_refused_whole(change: dict[str, Any]) -> None:
    """An unknown member, a member of the logger's own, a wrong form, too much, a secret: nothing is written of it."""
    trip = Trip()
    answer = record(trip, ACTION, {**ACTION, **change})
    assert "refused" in answer
    assert operator_lines(trip) == []
    assert [line["type"] for line in trip.lines] == ["operator_refused"]
    assert "whsec_" not in json.dumps([answer, trip.lines])


@pytest.mark.parametrize("event", [{}, {"operatorActions": []}, {"operatorActions": [1]}, {"operatorActions": "x"}])
def test_an_event_that_is_none_is_refused(event: dict[str, Any]) -> None:
    """No action, no list."""
    trip = Trip()
    with trip._logged():
        assert "refused" in handler.record_actions(event, environment=trip.auditor)


def test_a_card_number_in_an_action_is_masked() -> None:
    """An error's text could hold one."""
    trip = Trip()
    record(trip, {**ACTION, "error": "no 4242 4242 4242 4242"})
    assert operator_lines(trip)[0]["error"] == "no [redacted]"


def test_without_the_key_nothing_is_recorded() -> None:
    """The caller sees the invocation fail, and does not go on."""
    trip = Trip()
    trip.aws.script("GetSecretValue", Fault.DENIED)
    with pytest.raises(UnavailableError):
        record(trip, ACTION)
    assert trip.lines == []


class Invoked:
    """Lambda's context, by the ARN that was invoked."""

    def __init__(self, arn: str) -> None:
        self.invoked_function_arn = arn


FUNCTION = "arn:aws:lambda:us-east-1:1:function:audit-logger-test"


def test_through_the_alias_nothing_but_actions_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may invoke it can't have the line of a write sealed; the stream's poller can't have an action sealed."""
    trip = Trip()
    trip.send(stripe_body())
    monkeypatch.setattr(handler, "_environment", lambda: trip.auditor)
    with trip._logged():
        assert "refused" in handler.handle({"Records": trip.aws.stream}, Invoked(f"{FUNCTION}:{ALIAS}"))
        with pytest.raises(KeyError):
            handler.handle({"operatorActions": [ACTION]}, Invoked(FUNCTION))
        assert "sealed" in handler.handle({"operatorActions": [ACTION]}, Invoked(f"{FUNCTION}:{ALIAS}"))
    assert trip.audit_lines() == []
    assert len(operator_lines(trip)) == 1


def test_stack_and_function_agree_on_the_alias() -> None:
    """Neither can import the other."""
    assert ALIAS == OPERATOR_ALIAS


@pytest.mark.parametrize("text", [None, "", "x", "\u20ac", "A" * 32, "=" * 32])
def test_a_made_up_id_is_not_the_loggers_own(text: object) -> None:
    """Whatever stands there."""
    assert not is_own_id(text, [KEY])


@pytest.mark.parametrize(
    ("principal", "name"),
    [("arn:aws:iam::1:user/ada", "ada"), ("arn:aws:iam::1:root", "root"), ("arn:aws:sts::1:assumed-role/A/b", "A/b")],
)
def test_a_principal_is_named_without_its_account(principal: str, name: str) -> None:
    """As `actor` tells it."""
    assert operator_name(principal) == name

"""The audit logger: every change is told, sealed, and only from the allow-list."""

import json

import pytest

from lambdas.shared.audit_record import CHAINED, AuditKey, follows, is_chained
from lambdas.shared.audit_wire import is_genuine_write, lengthen
from lambdas.shared.errors import UnavailableError
from tests.fakes_aws import Fault
from tests.fakes_trip import Trip, stripe_body

KEY = AuditKey(id="a1", value=b"audit-seal-planted")


def trip_with_a_story() -> Trip:
    """Return a trip with one webhook received, failed, and in the stream."""
    trip = Trip()
    trip.send(stripe_body(webhookctl={"failTimes": 5}))
    trip.drain()
    return trip


def test_every_change_is_told_by_who_made_it() -> None:
    """One genuine, chained line per write, in order, with its actor."""
    trip = trip_with_a_story()
    trip.audit()
    first, second = trip.audit_lines()
    assert [(x["actor"], x["status"], x["seq"]) for x in (first, second)] == [
        ("receiver", "RECEIVED", 1),
        ("processor", "FAILED", 2),
    ]
    assert follows(first, None)
    assert follows(second, first)
    for line in (first, second):
        assert is_genuine_write(line, [KEY])
        assert is_chained(line)
        assert line["isChained"] is True


def test_a_line_never_holds_the_body() -> None:
    """The allow-list has no place for it."""
    trip = trip_with_a_story()
    trip.audit()
    assert "amount_received" not in json.dumps(trip.lines)
    assert not any("body" in line for line in trip.audit_lines())


def test_a_write_behind_our_back_is_told_as_such() -> None:
    """A change that did not extend the chain has an unknown actor and does not count as chained."""
    trip = trip_with_a_story()
    image = dict(trip.aws.stream[-1]["dynamodb"]["NewImage"])
    edited = {**image, "status": {"S": "PROCESSED"}}
    trip.aws._write("stripe:evt_1", edited)
    trip.audit()
    line = trip.audit_lines()[-1]
    assert (line["actor"], line["isChained"], line["status"]) == ("unknown", False, "PROCESSED")


def test_a_removal_is_told_with_what_was_removed() -> None:
    """Expiry by TTL and a delete by someone are told apart."""
    trip = trip_with_a_story()
    image = trip.aws.stream[-1]["dynamodb"]["NewImage"]
    removal = {
        "eventID": "r1",
        "eventName": "REMOVE",
        "dynamodb": {"ApproximateCreationDateTime": 1.5, "SequenceNumber": "9", "OldImage": image},
    }
    ttl = {**removal, "eventID": "r2", "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    trip.aws.stream = [removal, ttl]
    trip.audit()
    assert [(x["change"], x["actor"], x["status"]) for x in trip.audit_lines()] == [
        ("REMOVE", "unknown", "FAILED"),
        ("REMOVE", "ttl", "FAILED"),
    ]


@pytest.mark.parametrize("record", [{}, {"eventName": "INSERT", "dynamodb": {}}, {"dynamodb": {"NewImage": {"x": {}}}}])
def test_a_poison_record_is_reported_and_its_neighbours_are_logged(record: dict[str, object]) -> None:
    """Lambda retries from the poison record on; the others' lines are written all the same."""
    trip = trip_with_a_story()
    poison = {**record, "dynamodb": {"SequenceNumber": "77", **record.get("dynamodb", {})}}  # type: ignore[dict-item]
    trip.aws.stream.insert(1, poison)
    trip.audit()
    assert len(trip.audit_lines()) == 2
    assert [line["sequenceNumber"] for line in trip.lines if line["type"] == "audit_failure"] == ["77"]


def test_without_the_key_nothing_is_written_and_the_batch_comes_back() -> None:
    """An unsealed line would be no evidence."""
    trip = trip_with_a_story()
    trip.aws.script("GetSecretValue", Fault.DENIED)
    with pytest.raises(UnavailableError):
        trip.audit()
    assert trip.audit_lines() == []
    trip.audit()
    assert len(trip.audit_lines()) == 2


def test_a_card_number_that_slipped_through_is_masked_and_said_so() -> None:
    """The second net: the line is masked, and says that its chain can't be recomputed from it."""
    trip = trip_with_a_story()
    image = {**trip.aws.stream[0]["dynamodb"]["NewImage"], "account": {"S": "4242 4242 4242 4242"}}
    trip.aws.stream = [{**trip.aws.stream[0], "dynamodb": {**trip.aws.stream[0]["dynamodb"], "NewImage": image}}]
    trip.audit()
    (line,) = trip.audit_lines()
    assert (line["account"], line["isMasked"]) == ("[redacted]", True)


HOSTILE = (
    {"S": "\u00e9"}, {"S": ""}, {"S": "x" * 390_000}, {"N": "1E+125"}, {"N": "-1.5E-130"}, {"B": "AAEC"},
    {"BOOL": True}, {"SS": ["a"]}, {"NS": ["1"]}, {"BS": ["AA=="]}, {"M": {"a": {"B": "AA=="}}}, {"L": [{"B": "AA=="}]},
)  # fmt: skip


def test_whatever_somebody_puts_into_a_row_becomes_a_line() -> None:
    """Put there, changed and removed: each write is told, none as one of ours, and none holds up the stream."""
    trip = trip_with_a_story()
    image, told = trip.aws.stream[-1]["dynamodb"]["NewImage"], len(trip.aws.stream)
    names = [name for name in (*CHAINED, "prevHash", "chainHash") if name != "webhookId"]  # that is the table's key
    for name in names:
        for value in HOSTILE:
            hostile = {**image, name: value}
            for change, images in {
                "INSERT": {"NewImage": hostile},
                "MODIFY": {"OldImage": image, "NewImage": hostile},
                "REMOVE": {"OldImage": hostile},
            }.items():
                held = {"ApproximateCreationDateTime": 1.5, "SequenceNumber": "9", **images}
                trip.aws.stream.append({"eventID": "e", "eventName": change, "dynamodb": held})
    trip.audit()
    lines = [line for line in trip.lines if line["type"] == "audit"][told:]
    assert len(lines) == len(names) * len(HOSTILE) * 3
    assert all(is_genuine_write(line, [KEY]) for line in lines)
    assert max(len(json.dumps(line)) for line in lines) < 150_000
    assert not any(lengthen(line)["isChained"] for line in lines)


def test_what_follows_a_number_that_was_made_a_text_is_told() -> None:
    """The write after it has nothing to count from."""
    trip = trip_with_a_story()
    images = trip.aws.stream[-1]["dynamodb"]
    images["OldImage"] = {**images["OldImage"], "seq": {"S": "1"}}
    trip.audit()
    assert trip.audit_lines()[-1]["isChained"] is False

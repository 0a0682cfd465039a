"""The short form of audit lines: half the bytes, the same story, and no change of either form stays unseen."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.audit.record import audit_line
from lambdas.shared.attributes import to_item
from lambdas.shared.audit_record import CHAINED, GENESIS, AuditKey
from lambdas.shared.audit_wire import is_genuine_write, lengthen, seal_write, shorten
from tests.fakes_audit import KEY, AuditWorld
from webhookctl.core.audit.state import States

MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1)).map(  # noqa: DTZ001
    lambda m: m.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
VALUES = (
    st.integers(min_value=-5, max_value=10**14)
    | st.booleans()
    | st.text(max_size=20)
    | MOMENTS
    | HASHES
    | st.sampled_from(["PROCESSED", "RECEIVED", "FAILED", "stripe", "=", "=x", GENESIS, 0, ""])
    | st.dictionaries(st.sampled_from(["class", "message", "at", "id"]), st.text(max_size=5), max_size=3)
)
STATES = st.dictionaries(st.sampled_from(CHAINED), VALUES, max_size=12)


def written(*, masked: bool = False) -> list[dict[str, Any]]:
    """Return the lines of a webhook that was received, failed, edited, processed and removed, as they are logged."""
    world = AuditWorld()
    webhook = world.fail(world.receive("evt_1"))
    edited = world.write(webhook.edited(b"{}", operator="ada", note="4242 4242 4242 4242" if masked else "a note"))
    world.process(edited)
    world.put("stripe:evt_1", None, by_ttl=True)
    return [event.written() for event in world.log]


def completed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines in their long form, each whole."""
    with States() as states:
        return [states.complete(lengthen(line)) for line in lines]


def test_a_payments_two_lines_stay_below_1150_bytes() -> None:
    """What logging costs: of 2,000 bytes before. With a trace id and the key id of a fresh stack."""
    world = AuditWorld(key=AuditKey(id="generated", value=b"x"))
    world.process(world.receive("evt_1Q3Pt0tBHBM9BeYsYfANcxzW"))
    sizes = [len(json.dumps(event.written(), separators=(",", ":"))) for event in world.log]
    assert sum(sizes) <= 1150


def test_both_forms_tell_the_same() -> None:
    """Alone, and completed from the lines before: from either the same short form comes back, byte for byte."""
    lines = written()
    for short, whole in zip(lines, completed(lines), strict=True):
        assert shorten(lengthen(short)) == short
        assert shorten(whole) == short
        assert is_genuine_write(short, [KEY])
        assert is_genuine_write(lengthen(short), [KEY])
        assert is_genuine_write(whole, [KEY])


def test_completed_lines_hold_the_whole_state() -> None:
    """Also those in the middle: everything that was known of the webhook then. A removal names what is gone."""
    received, failed, edited, processed, removed = completed(written())
    assert {"receivedAt", "bodySha256", "traceId", "provider"} <= failed.keys() & edited.keys() & processed.keys()
    assert failed["lastError"] == edited["lastError"]
    assert "lastError" not in processed
    assert processed["previous"]["lastError"] == failed["lastError"]
    assert edited["bodySha256"] != received["bodySha256"] == edited["previous"]["bodySha256"]
    assert processed["prevHash"] == edited["chainHash"] == completed(written())[2]["chainHash"]
    assert (removed["change"], removed["actor"], removed["previousStatus"]) == ("REMOVE", "ttl", "PROCESSED")
    assert removed["chainHash"] == processed["chainHash"]
    assert [line["isChained"] for line in (received, failed, edited, processed, removed)] == [True] * 5


def test_no_member_of_either_form_can_be_changed_dropped_or_added() -> None:
    """Whether the line holds it itself, took it from the lines before, or it follows from the rest."""
    lines = written()
    for short, whole in zip(lines, completed(lines), strict=True):
        for line in (short, whole):
            for name in line:
                if name not in ("type", "v"):
                    assert not is_genuine_write({**line, name: "x"}, [KEY]), name
                    assert not is_genuine_write({**line, name: None}, [KEY]), name
            for name in ("note2", "at", "prev", "was", "chained", "=at", "isMasked", "amount"):
                if name not in line:
                    assert not is_genuine_write({**line, name: 1}, [KEY]), name
        for name in short.keys() - {"type", "v"}:
            assert not is_genuine_write({n: v for n, v in short.items() if n != name}, [KEY]), name


def test_a_line_alone_can_not_be_given_more() -> None:
    """A member that it does not tell is taken only with the whole state that its chain hash proves."""
    alone = lengthen(written()[3])
    for name, value in (("receivedAt", "2026-01-01T00:00:00.000Z"), ("prevHash", GENESIS), ("provider", "paypal")):
        assert not is_genuine_write({**alone, name: value}, [KEY])


def test_a_masked_line_is_told_whole() -> None:
    """Its chain hash can't be recomputed, nor could that of a line completed from it."""
    lines = written(masked=True)
    *_, edited, processed, removed = completed(lines)
    for line in (edited, processed, removed):
        assert (line["isMasked"], line["note"], line["isChained"]) == (True, "[redacted]", True)
        assert "receivedAt" in line
    assert all(is_genuine_write(line, [KEY]) for line in completed(lines))


@given(old=STATES, new=STATES, change=st.sampled_from(["INSERT", "MODIFY", "REMOVE"]), chained=st.booleans())
def test_whatever_an_item_holds_its_line_comes_back(
    old: dict[str, Any],
    new: dict[str, Any],
    change: str,
    chained: bool,  # noqa: FBT001
) -> None:
    """Any attribute of any type, also of writes around the project: both forms are one, and sealed."""
    previous = {name: old.get(name) for name in CHAINED if old.get(name) != new.get(name)}
    line = {
        "type": "audit",
        "streamEventId": "e",
        "change": change,
        "changedAt": "2026-01-01T00:00:00.000Z",
        **new,
        "previousStatus": old.get("status"),
        "previous": previous if change == "MODIFY" else None,
        "isChained": chained,
    }
    short = seal_write({name: value for name, value in line.items() if value is not None}, KEY)
    assert is_genuine_write(json.loads(json.dumps(short)), [KEY])
    assert is_genuine_write(lengthen(short), [KEY])
    told = lengthen(short)
    for name in new if change == "INSERT" or not chained else ():
        assert told[name] == new[name] or isinstance(new[name], int)


@given(line=st.dictionaries(st.sampled_from([*CHAINED, "v", "type", "was", "at", "change", "previous"]), VALUES))
def test_no_junk_is_taken_for_a_line(line: dict[str, Any]) -> None:
    """Whatever stands in the log: no error, no seal."""
    lengthen(line)
    lengthen({**line, "type": "audit", "v": 2})
    assert not is_genuine_write(line, [KEY])
    assert not is_genuine_write({**line, "type": "audit", "v": 2}, [KEY])


def test_a_line_of_another_type_stays_as_it_is() -> None:
    """An operator's, a function's, a stranger's."""
    for line in ({"type": "operator", "v": 2, "at": 5}, {"type": "audit", "v": 1, "at": 5}, {}):
        assert lengthen(line) == line


def test_a_record_that_is_no_change_of_ours_is_told_in_full() -> None:
    """A stranger's item, without any of our members but its key."""
    images = {"ApproximateCreationDateTime": 5, "NewImage": to_item({"webhookId": "x", "status": 5, "seq": "1"})}
    line = audit_line({"eventID": "e", "eventName": "INSERT", "dynamodb": images}, key=KEY)
    told = lengthen(line)
    assert (told["webhookId"], told["status"], told["seq"], told["isChained"]) == ("x", 5, "1", False)
    assert is_genuine_write(told, [KEY])


@pytest.mark.parametrize("event_id", ["c81e728d9d4c2f636f067f89cc14862c", "event-5", "", "=", "A" * 22, "0" * 64])
def test_a_stream_records_id_comes_back(event_id: str) -> None:
    """AWS's is 32 hexadecimal digits; nobody promised that."""
    line = {**lengthen(written()[0]), "streamEventId": event_id}
    assert lengthen(shorten(line))["streamEventId"] == event_id

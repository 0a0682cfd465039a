"""Rows and lines that nobody of ours wrote: verifying names them, and never fails or floods."""

import json
import math
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.shared.attributes import to_item
from lambdas.shared.audit_record import CHAINED, chain_hash
from tests.fakes_audit import KEY, START, grown
from webhookctl.core.audit.export import ExportedLog
from webhookctl.core.audit.gaps import GAPS_LISTED
from webhookctl.core.audit.proof import verify_environment

LINE_FIELDS = (*CHAINED, "type", "v", "hmac", "hmacKeyId", "chainHash", "prevHash", "changedAt", "previous", "change")
NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**20, -(10**30), 2**63, math.inf, -math.inf, math.nan, "\ud800", "é", "", [], {}, [[1]]]),
    st.text(),
    st.floats(),
    st.dictionaries(st.text(max_size=3), st.integers()),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(field=st.sampled_from(LINE_FIELDS), value=NASTY, place=st.integers(0, 2), as_operator=st.booleans())
def test_no_line_stops_the_verifier(field: str, value: Any, place: int, *, as_operator: bool) -> None:
    """Whatever stands in a member: there is a report, and the webhook's other lines are judged."""
    world = grown(["evt_1"])
    world.edit_line(place, **({"type": "operator"} if as_operator else {}) | {field: value})
    assert world.verify().verdict in ("ok", "failed")
    assert world.verify(since=START).verdict in ("ok", "failed")


@pytest.mark.parametrize("seq", [10**20, -1, 10**9 + 1])
def test_a_row_with_a_number_that_no_write_has_is_a_changed_row(seq: int) -> None:
    """While it is there and after it has gone: the log stays verifiable."""
    world = grown(["evt_1", "evt_2"])
    before = world.items["stripe:evt_1"]
    world.put("stripe:evt_1", {**before, **to_item({"seq": seq})})
    assert ("row_changed_without_record", "stripe:evt_1") in {found[:2] for found in world.findings()}
    world.put("stripe:evt_1", before)
    assert {found[1] for found in world.findings()} == {"stripe:evt_1"}


def test_a_row_far_ahead_is_told_in_a_few_findings() -> None:
    """Its chain hash fits, which needs no key; the gap is named at its beginning, and whole."""
    world = grown(["evt_1"])
    row = next(iter(world.rows()))
    ahead = {name: value for name, value in row.items() if name in CHAINED} | {"seq": 900_000_000}
    world.edit_row("stripe:evt_1", seq=ahead["seq"], chainHash=chain_hash(str(row["prevHash"]), ahead))
    report = world.verify()
    missing = [found for found in report.findings if found.finding.value == "missing_line"]
    assert (len(missing), missing[-1].seq) == (GAPS_LISTED + 1, 4 + GAPS_LISTED)
    assert missing[-1].detail.endswith("nor of the later ones up to 900000000")


@pytest.mark.parametrize("recorded", [True, False])
def test_writes_that_a_recorded_jump_left_out_are_not_missing(recorded: bool) -> None:  # noqa: FBT001
    """The line of the jump tells from where; without it the numbers in between are missing."""
    world = grown(["evt_1"])
    row = next(iter(world.rows()))
    ahead = {name: value for name, value in row.items() if name in CHAINED} | {"seq": 3_000_000}
    chain = chain_hash(str(row["chainHash"]), ahead)
    world.edit_row("stripe:evt_1", recorded=True, seq=3_000_000, prevHash=row["chainHash"], chainHash=chain)
    if not recorded:
        del world.log[-1]
    kinds = Counter(kind for kind, _, _ in world.findings())
    assert kinds == ({"row_changed_without_record": 1} if recorded else {"missing_line": GAPS_LISTED + 1})


def test_a_number_that_was_taken_away_or_set_back_puts_no_line_out_of_order() -> None:
    """The write around the project is told, and the next ones, as what they are."""
    world = grown(["evt_1"])
    row = next(iter(world.rows()))
    item = world.items["stripe:evt_1"]
    world.put("stripe:evt_1", {name: value for name, value in item.items() if name != "seq"})
    world.put("stripe:evt_1", item)
    world.edit_row("stripe:evt_1", recorded=True, seq=1)
    world.edit_row("stripe:evt_1", recorded=True, seq=row["seq"])
    assert {kind for kind, _, _ in world.findings()} == {"row_changed_without_record"}
    world.edit_line(1, seq=None)
    assert {kind for kind, _, _ in world.findings()} == {"row_changed_without_record", "edited_line"}


def test_a_window_that_begins_between_a_write_and_its_line_finds_nothing() -> None:
    """A line comes into the log a while after its write: the row is that line's, though older than the window."""
    world = grown(["evt_1", "evt_2"])
    last = world.log[-1]
    world.log[-1] = replace(last, at=last.at + timedelta(seconds=3))
    for since in (last.at + timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 3, 4)):
        assert world.findings(since=since) == []


def test_an_export_with_an_impossible_time_is_judged(tmp_path: Path) -> None:
    """The edited line is kept, and found."""
    world = grown(["evt_1"])
    lines = [json.dumps(event.fields()) for event in world.log]
    lines[1] = lines[1].replace(json.loads(lines[1])["changedAt"], "2026-99-99T00:00:00.000Z")
    (tmp_path / "x").write_text("\n".join(lines))
    now = world.at + timedelta(hours=1)
    report = verify_environment(world, ExportedLog(tmp_path / "x"), keys=(KEY,), now=lambda: now)
    assert [(found.finding.value, found.seq) for found in report.findings] == [("edited_line", 2)]

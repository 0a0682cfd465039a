"""`incident export`: one place with all that a window holds, and nothing that must not leave."""

import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes_audit import START, AuditWorld, grown
from tests.trace_summaries import trace_summary
from webhookctl.core.alarms import Alarm, AlarmChange
from webhookctl.core.incident.export import IncidentSources, export_incident
from webhookctl.core.logs import LogEvent
from webhookctl.core.metrics import MetricQuery, Series
from webhookctl.core.trace.traces import TraceDocuments, TraceSummary
from webhookctl.errors import UsageError

CARD = "4242424242424242"
TRACE = "1-69a42a40-000000000000000000000001"
END = START + timedelta(hours=1)


@dataclass
class FakeSources:
    """One of everything, in the window."""

    hidden: str | None = None

    def events(
        self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
    ) -> Iterator[LogEvent]:
        del start, end, pattern
        line = {"level": "ERROR", "outcome": "retried", "reason": "injected", "sourceIp": "203.0.113.77", "n": CARD}
        for message in (json.dumps(line), f"Traceback: {CARD}"):
            yield LogEvent(at=START, group=group, stream="s", message=message, event_id=message)

    def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
        del start, end, expression
        if self.hidden is None:
            yield trace_summary(TRACE, START, status=503)

    def traces(self, trace_ids: Sequence[str]) -> list[TraceDocuments]:
        segment = {"id": "1", "http": {"request": {"client_ip": "203.0.113.77"}}}
        return [TraceDocuments(trace_id=trace_id, segments=(segment,)) for trace_id in trace_ids]

    def hidden_reason(self) -> str | None:
        return self.hidden

    def read(
        self, queries: Mapping[str, MetricQuery], *, start: datetime, end: datetime, period: timedelta
    ) -> dict[str, Series]:
        del end
        points = [(start, 1.0), (start + period, 4.0)]
        return {name: Series(points=[] if name == "still" else points) for name in queries}


def _sources(world: AuditWorld, fake: FakeSources) -> IncidentSources:
    alarm = Alarm(name="webhook-dlq-test", state="ALARM", since=START, notified_at=None, reason="")
    return IncidentSources(
        environment="test",
        audit=world,
        logs=fake,
        groups={"g": "processor"},
        traces=fake,
        metrics=fake,
        queries={"processor Errors": MetricQuery(namespace="AWS/Lambda", metric="Errors")},
        alarms=lambda: [alarm, replace(alarm, name="webhook-quiet-test", state="OK")],
        alarm_changes=_changes,
    )


def _changes(names: Iterable[str], *, start: datetime, end: datetime) -> list[AlarmChange]:
    """Tell of an alarm that went off, was quiet again, went off, had no data and ended."""
    assert (list(names), end) == (["webhook-dlq-test", "webhook-quiet-test"], END)
    states = ("OK", "ALARM", "OK", "ALARM")
    began = AlarmChange(at=start, name="webhook-quiet-test", before="INSUFFICIENT_DATA", after="OK", reason="")
    blind = replace(began, at=end, name="webhook-dlq-test", before="ALARM", after="INSUFFICIENT_DATA")
    ended = replace(blind, before="INSUFFICIENT_DATA", after="OK")
    went = [
        AlarmChange(
            at=start + timedelta(minutes=n),
            name="webhook-dlq-test",
            before=states[n],
            after=states[n + 1],
            reason="",
        )
        for n in range(3)
    ]
    return [began, *went, blind, ended]


def test_an_alarm_that_was_quiet_again_is_told_too(tmp_path: Path) -> None:
    """Each change has a row and a mark in the plots; alarms that only began to have data are counted."""
    export_incident(_sources(grown(), FakeSources()), tmp_path / "out", start=START, end=END)
    timeline = (tmp_path / "out" / "timeline.md").read_text()
    changes = "12:00:00 ALARM, 12:01:00 OK, 12:02:00 ALARM, 13:00:00 INSUFFICIENT_DATA, 13:00:00 OK"
    assert f"| webhook-dlq-test | {changes} | ALARM |" in timeline
    assert "1 of 2 alarms did not go off." in timeline
    assert "webhook-quiet-test" not in timeline
    assert timeline.count("| alarm | webhook-dlq-test: ") == 5
    assert "webhook-dlq-test: ALARM → OK" in timeline
    plot = (tmp_path / "out" / "plots" / "processor-Errors.svg").read_text()
    assert plot.count("webhook-dlq-test</title>") == 2
    assert len((tmp_path / "out" / "alarm-changes.jsonl").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"action": "BLOCK", "terminatingRuleId": "rate-per-address"}, "blocked by rate-per-address"),
        ({"status": "503", "integrationLatency": "12"}, "answered 503"),
        ({"status": "429", "integrationLatency": "-"}, "answered 429"),
        ({"status": "200", "integrationLatency": "12"}, None),
        ({"action": "COUNT", "terminatingRuleId": "rate-per-address"}, None),
        ({"level": "INFO", "outcome": "refused", "reason": "wrong_signature"}, "refused: wrong_signature"),
        ({"level": "INFO", "outcome": "accepted"}, None),
    ],
)
def test_what_hurt_senders_is_in_the_timeline(tmp_path: Path, line: dict[str, str], told: str | None) -> None:
    """Blocks, refusals, answers that make a provider deliver again; what went well is in the files only."""

    class Lines(FakeSources):
        def events(
            self, group: str, *, start: datetime, end: datetime | None = None, pattern: str | None = None
        ) -> Iterator[LogEvent]:
            del start, end, pattern
            yield LogEvent(at=START, group=group, stream="s", message=json.dumps(line), event_id="1")

    export_incident(_sources(AuditWorld(), Lines()), tmp_path / "out", start=START, end=END)
    rows = [row for row in (tmp_path / "out" / "timeline.md").read_text().splitlines() if "| processor |" in row]
    assert rows == ([f"| 2026-03-01T12:00:00.000Z | processor | {told} |  |"] if told else [])


def test_metrics_that_stay_zero_are_named_not_drawn(tmp_path: Path) -> None:
    """A reader sees at once what moved."""
    queries = {name: MetricQuery(namespace="n", metric=name) for name in ("errors", "still")}
    sources = replace(_sources(grown(), FakeSources()), queries=queries)
    export_incident(sources, tmp_path / "out", start=START, end=END)
    assert "Zero throughout: still." in (tmp_path / "out" / "timeline.md").read_text()
    assert [path.name for path in (tmp_path / "out" / "plots").iterdir()] == ["errors.svg"]


def test_a_window_is_written_whole_and_told_in_order(tmp_path: Path) -> None:
    """Audit, logs, traces, metrics, alarms, plots and the timeline."""
    written = export_incident(_sources(grown(), FakeSources()), tmp_path / "out", start=START, end=END)
    assert (written.audit_records, written.log_lines, written.traces, written.failed_traces) == (9, 2, 1, 1)
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {
        "audit.jsonl",
        "logs/processor.jsonl",
        "traces.jsonl",
        f"traces/{TRACE}.json",
        "metrics.json",
        "plots/processor-Errors.svg",
        "alarms.json",
        "alarm-changes.jsonl",
        "timeline.md",
    }
    timeline = (tmp_path / "out" / "timeline.md").read_text()
    assert "| webhook-dlq-test | 12:00:00 ALARM" in timeline
    assert "| processor | changed, now FAILED | stripe:evt_2 |" in timeline
    assert "retried: injected" in timeline
    assert "plots/processor-Errors.svg" in timeline
    assert "| fault | 1 |" in timeline


def test_nothing_exported_holds_a_card_number_or_a_whole_address(tmp_path: Path) -> None:
    """Logs and traces are redacted, JSON or not."""
    export_incident(_sources(grown(), FakeSources()), tmp_path / "out", start=START, end=END)
    everything = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert CARD not in everything
    assert "203.0.113.77" not in everything
    assert "203.0.113.0" in everything


def test_an_archive_holds_the_same(tmp_path: Path) -> None:
    """A .tar.gz with one folder inside."""
    path = tmp_path / "incident.tar.gz"
    export_incident(_sources(grown(), FakeSources()), path, start=START, end=END)
    with tarfile.open(path) as archive:
        assert "incident/timeline.md" in archive.getnames()


def test_traces_that_cannot_be_read_do_not_stop_the_export(tmp_path: Path) -> None:
    """With Transaction Search the rest is still worth having."""
    sources = _sources(grown(), FakeSources(hidden="Transaction Search is on"))
    written = export_incident(sources, tmp_path / "out", start=START, end=END)
    assert (written.traces, written.failed_traces) == (0, 0)


@pytest.mark.parametrize("name", ["out", "deep/out.tar.gz"])
def test_an_export_that_fails_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    """Half of an incident would pass for the whole of it."""

    def alarms() -> list[Alarm]:
        raise ConnectionError

    sources = replace(_sources(grown(), FakeSources()), alarms=alarms)
    with pytest.raises(ConnectionError):
        export_incident(sources, tmp_path / name, start=START, end=END)
    assert [path for path in tmp_path.rglob("*") if path.name != "deep"] == []
    export_incident(_sources(grown(), FakeSources()), tmp_path / name, start=START, end=END)
    assert list((tmp_path / name).parent.iterdir()) == [tmp_path / name]


def test_an_existing_path_is_never_written_over(tmp_path: Path) -> None:
    """Evidence is not replaced."""
    with pytest.raises(UsageError, match="exists"):
        export_incident(_sources(grown(), FakeSources()), tmp_path, start=START, end=END)

"""Where Transaction Search hides traces, every command that reads some says so, once, beside what it found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.shared.webhook import StoredWebhook
from tests.cli.conftest import Ran
from tests.cli.shop import paid
from tests.fakes_audit import AuditWorld
from tests.fakes_dlq import FakeQueue, FakeWebhooks, World, failed_webhook
from tests.fakes_outputs import stack_outputs
from tests.trace_summaries import trace_summary
from webhookctl.config import Settings
from webhookctl.context import AppContext
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.incident.export import IncidentSources
from webhookctl.core.trace.find import TraceLines
from webhookctl.core.trace.traces import TraceDocuments, TraceSummary

TRACE = "1-69a42a40-000000000000000000000001"
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
REASON = "Transaction Search is on: X-Ray shows only 1 % of the traces"
COMMANDS = (
    "trace list",
    "trace map",
    f"trace show {TRACE}",
    "trace show stripe:evt_1",
    "trace find --webhook-id stripe:evt_1",
    "incident export out",
    "dlq show evt_1",
)


@dataclass
class Telemetry:
    """X-Ray with one trace of which more may be hidden, or with none; a table with one webhook; no log, no metric."""

    hidden: str | None
    is_empty: bool = False

    def summaries(self, start: datetime, end: datetime, expression: str | None) -> Iterator[TraceSummary]:
        del expression
        row = trace_summary(TRACE, start, status=503)
        return iter([row] if start < end and not self.is_empty else [])

    def traces(self, trace_ids: Sequence[str]) -> list[TraceDocuments]:
        segment = {"id": "1", "name": "receiver", "start_time": NOW.timestamp(), "end_time": NOW.timestamp()}
        return [] if self.is_empty else [TraceDocuments(trace_id=id_, segments=(segment,)) for id_ in trace_ids]

    def graph(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        assert start < end
        return [] if self.is_empty else [{"ReferenceId": 0, "Name": "receiver", "Type": "AWS::Lambda", "Edges": []}]

    def hidden_reason(self) -> str | None:
        return self.hidden

    def get(self, webhook_id: str) -> StoredWebhook | None:
        trace_id = None if self.is_empty else TRACE
        return replace(AuditWorld(at=NOW).receive("evt_1"), webhook_id=webhook_id, trace_id=trace_id)

    def events(self, group: str, **_range: object) -> Iterator[Any]:
        assert group
        return iter(())

    def read(self, queries: object, **_range: object) -> dict[str, Any]:
        assert queries == {}
        return {}


def _context(telemetry: Telemetry) -> Callable[[Settings], AppContext]:
    def make(settings: Settings) -> AppContext:
        app = AppContext(settings)
        parts: dict[str, Any] = {
            "outputs": stack_outputs(),
            "traces": telemetry,
            "table": telemetry,
            "payment_index": telemetry,
            "trace_lines": TraceLines(logs=telemetry, groups={}, audit=AuditWorld()),
            "incident_sources": IncidentSources(
                environment="dev",
                audit=AuditWorld(),
                logs=telemetry,
                groups={},
                traces=telemetry,
                metrics=telemetry,
                queries={},
                alarms=list,
                alarm_changes=lambda names, **_range: list(names),
            ),
            "now": lambda: NOW,
            "dead_letters": _dead_letters(),
            "logs": telemetry,
            "audit_log": AuditWorld(),
        }
        for name, part in parts.items():
            setattr(app, name, part)
        return app

    return make


def _dead_letters() -> DeadLetterQueue:
    """Return a queue with one dead letter, whose webhook has a trace."""
    world, webhooks = World(), FakeWebhooks()
    queue, webhook = FakeQueue(world), failed_webhook("evt_1", event=paid("EUR", 100, "pi_1"))
    queue.add(webhooks.add(replace(webhook, trace_id=TRACE)).webhook_id)
    return DeadLetterQueue(
        environment="dev",
        queue=queue,
        webhooks=webhooks,
        normalise=lambda webhook: webhook.event,
        now=world.now,
        monotonic=world.monotonic,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_traces_that_are_hidden_are_told_of_beside_those_found(cli: Callable[..., Ran], command: str) -> None:
    """On stderr, once, also when quiet; stdout stays data, and the command succeeds."""
    ran = cli(*command.split(), "-e", "dev", "--quiet", make_context=_context(Telemetry(REASON)))
    assert ran.exit_code == 0
    assert ran.out.strip()
    assert ran.err == f"warning: {REASON}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_said_where_all_traces_are_shown(cli: Callable[..., Ran], command: str) -> None:
    """Nor where that can't be asked."""
    ran = cli(*command.split(), "-e", "dev", "--quiet", make_context=_context(Telemetry(None)))
    assert (ran.exit_code, ran.err) == (0, "")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("trace")])
def test_an_empty_answer_is_not_found_with_the_reason(cli: Callable[..., Ran], command: str) -> None:
    """Traces that are hidden are not reported as absent; what is said is said once."""
    ran = cli(*command.split(), "-e", "dev", make_context=_context(Telemetry(REASON, is_empty=True)))
    assert (ran.exit_code, ran.out) == (5, "")
    assert ran.err.count(REASON) == 1


def test_an_incidents_timeline_says_which_traces_it_lacks(cli: Callable[..., Ran], tmp_path: Path) -> None:
    """Whoever reads it later has no stderr; the same stands in the command's answer."""
    ran = cli(*["incident", "export", "out", "-e", "dev", "-o", "json"], make_context=_context(Telemetry(REASON)))
    assert f'"traces_hidden": "{REASON}"' in ran.out
    assert f"{REASON}." in (tmp_path / "out" / "timeline.md").read_text()

"""The `dlq` commands as an operator reads them at 80 columns, and as a script reads them."""

import json
import os
import re
import shlex
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from lambdas.shared.webhook import PaymentEvent, Status
from tests.cli.conftest import Ran
from tests.fakes_dlq import NOW, FakeMoves, FakeQueue, FakeWebhooks, World, failed_webhook
from tests.fakes_operator import FakeAuditLogger
from webhookctl.config import Settings
from webhookctl.context import AppContext
from webhookctl.core.audit.operator_lines import Operator, OperatorAudit
from webhookctl.core.dlq.dead_letter import BatchOutcome, QueueDepth, QueueMessage
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.redrive.run import RedriveDesk
from webhookctl.errors import ConfigError, WebhookctlError


@dataclass
class Shop:
    """An environment with three kinds of dead letters, behind the real commands."""

    cli: Callable[..., Ran]
    world: World = field(default_factory=World)
    audit: FakeAuditLogger = field(default_factory=FakeAuditLogger)

    def __post_init__(self) -> None:
        self.queue, self.target, self.webhooks = FakeQueue(self.world), FakeQueue(self.world), FakeWebhooks()
        self._fill("evt_1", paid("EUR", 12_345, "pi_1"), error="ledger unreachable")
        self._fill("evt_2", paid("JPY", 500, "pi_2"), error="ledger unreachable")
        self._fill("WH-3", paid("USD", 4_200, "cap_3"), provider="paypal", event_type="PAYMENT.CAPTURE.COMPLETED")
        self._fill("evt_4", paid("USD", 100, "pi_4"), status=Status.PROCESSED)

    def _fill(self, name: str, event: PaymentEvent, **given: object) -> None:
        webhook = failed_webhook(name, event=event, **given)  # type: ignore[arg-type]
        self.queue.add(self.webhooks.add(webhook).webhook_id)

    def run(self, *words: str) -> Ran:
        return self.cli("dlq", *words, "--env", "dev", make_context=self._context)

    def _context(self, settings: Settings) -> AppContext:
        app = AppContext(settings)
        app.now = self.world.now  # type: ignore[method-assign]
        app.dead_letters = DeadLetterQueue(
            environment="dev",
            queue=self.queue,
            webhooks=self.webhooks,
            normalise=lambda webhook: webhook.event,
            now=self.world.now,
            monotonic=self.world.monotonic,
        )
        app.redrive_desk = RedriveDesk(
            source=app.dead_letters,
            target=self.target,
            moves=FakeMoves(),
            bodies=self.webhooks,
            audit=OperatorAudit(logger=self.audit),
            operator=Operator(principal="arn:aws:sts::0:assumed-role/Admin/alice", user="alice"),
        )
        return app

    def audited(self) -> list[str]:
        return [f"{line['action']} {line['outcome']}" for line in self.audit.lines]


def paid(currency: str, amount: int, payment_id: str) -> PaymentEvent:
    return PaymentEvent(kind="payment.succeeded", payment_id=payment_id, amount_minor=amount, currency=currency)


@pytest.fixture
def shop(cli: Callable[..., Ran]) -> Shop:
    return Shop(cli)


@pytest.mark.parametrize("output", ["table", "json", "jsonl"])
@pytest.mark.parametrize("words", [["list"], ["list", "--each"]], ids=" ".join)
def test_list_says_why_how_much_and_how_long(
    shop: Shop, words: list[str], output: str, snapshot: SnapshotAssertion
) -> None:
    """Groups with money per currency, ages and both clocks; no line is wider than 80 columns; nothing is taken out."""
    ran = shop.run(*words, "-o", output)
    assert ran.exit_code == 0
    assert ran.out == snapshot
    assert output != "table" or max(len(line) for line in ran.out.splitlines()) <= 80
    assert "receive count" in ran.out + ran.err or output != "table"
    assert len(shop.queue.visible) == 4


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("words", [["list", "--each"], ["show", "m-foreign"]], ids=lambda words: words[0])
def test_message_without_a_webhook_is_shown_itself(shop: Shop, words: list[str], output: str) -> None:
    """What names no webhook can be judged by its body and attributes; card data in them is blotted out."""
    shop.queue.add("", message_id="m-foreign", body='{"order": 77, "card": "4242424242424242"}')
    ran = shop.run(*words, "-o", output)
    assert ran.exit_code == 0
    assert "77" in ran.out
    assert "4242" not in ran.out
    if output == "json":
        told = json.loads(ran.out)
        (letter,) = [told] if isinstance(told, dict) else [row for row in told if row["message_id"] == "m-foreign"]
        assert letter["message"]["attributes"] == {"origin": "test"}


@pytest.mark.parametrize(("limit", "seen"), [(1, 1), (3, 3), (9, 4)])
def test_limit_bounds_what_is_looked_at(shop: Shop, limit: int, seen: int) -> None:
    """No more is received than was asked for: each look raises a receive count."""
    ran = shop.run("list", "--limit", str(limit), "-o", "json")
    assert json.loads(ran.out)["seen"] == seen


@pytest.mark.parametrize("output", ["table", "json"])
def test_dry_run_prints_the_plan_and_changes_nothing(shop: Shop, output: str, snapshot: SnapshotAssertion) -> None:
    """What was asked for, and what would become of each; not even an audit record."""
    ran = shop.run("redrive", "--dry-run", "--provider", "stripe", "--rate", "50/s", "-o", output)
    assert ran.exit_code == 0
    assert _steady(ran.out) == snapshot
    assert len(shop.queue.visible) == 4
    assert not shop.target.sent
    assert not shop.audited()


@pytest.mark.parametrize("output", ["table", "json", "jsonl"])
def test_redrive_ends_with_its_sum(shop: Shop, output: str, snapshot: SnapshotAssertion) -> None:
    """The final table; under jsonl each happening, then the sum."""
    ran = shop.run("redrive", "--yes", "-o", output)
    assert ran.exit_code == 0
    assert _steady(ran.out) == snapshot
    assert not shop.queue.messages
    assert shop.audited() == ["dlq.redrive started", "dlq.redrive done"]


def test_refused_send_ends_with_exit_6_and_what_to_do(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Some moved and some did not: partial, with the next command."""
    shop.target.refuses_sends = {"m-stripe:evt_2"}
    ran = shop.run("redrive", "--yes")
    assert ran.exit_code == 6
    assert _steady(ran.out + ran.err) == snapshot


def test_outcome_that_does_not_come_in_time_ends_with_exit_8(shop: Shop) -> None:
    """The time was up: exit 8 with the command that goes on waiting."""
    ran = shop.run("redrive", "--yes", "--wait", "--timeout", "0s")
    assert ran.exit_code == 8
    assert "3 redriven webhooks have not come to an end in time" in ran.err
    assert "--resume" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "nope"], 5, "no dead letter 'nope' among those visible now"),
        (["list", "--provider", "stirpe"], 2, "unknown provider 'stirpe'"),
        (["list", "--where", "a ==="], 2, "not a JMESPath expression"),
        (["redrive", "--query", "a ==="], 2, "not a JMESPath expression"),
        (["list", "--where", "abs(webhook.id)"], 2, "does not fit a dead letter"),
        (["list", "--min-amount", "much"], 2, "not an amount"),
        (["list", "--since", "yesterday"], 2, "is not a time"),
        (["list", "--since", "1h", "--until", "2h"], 2, "nothing can match"),
        (["redrive", "--rate", "fast"], 2, "is not a rate"),
        (["redrive", "--rate", "0"], 2, "is not a rate"),
        (["redrive", "--max", "0"], 2, "--max"),
        (["redrive", "--deadline", "soon"], 2, "not a duration"),
        (["redrive", "--patch", "nope.json"], 2, "is not readable JSON"),
        (["redrive", "--edit", "--patch", "nope.json"], 2, "two ways to the same change"),
        (["redrive", "--edit"], 2, "--edit changes one payload, and 4 are meant"),
        (["redrive", "--resume"], 2, "--resume needs --journal FILE"),
        (["redrive", "--resume", "--journal", "nope"], 2, "cannot be read"),
        (["redrive", "--resume", "--journal", "nope", "--dry-run"], 2, "--resume takes no --dry-run"),
        (["redrive", "--resume", "--journal", "nope", "--id", "x"], 2, "--resume takes no filters"),
        (["redrive", "--resume", "--journal", "nope", "--query", "x"], 2, "--resume takes no filters"),
        (
            ["redrive", "--resume", "--journal", "nope", "--no-guard", "--canary", "1"],
            2,
            "--resume takes no --canary, --guard",
        ),
        (["redrive", "--stop-if-fail", "1"], 2, "--stop-if-fail is about a canary's steps"),
        (["redrive", "--timeout", "1m"], 2, "--timeout bounds the wait"),
        (["redrive", "--dry-run", "--journal", "j"], 2, "a dry run keeps no journal"),
        (["redrive", "--query", ""], 2, "the query is empty"),
        (["redrive", "--error", ""], 2, "--error is empty"),
        (["redrive", "--where", " "], 2, "--where is empty"),
        (["purge", "--id", "evt_1", "--id", "", "--confirm", "dev"], 2, "--id is empty"),
        (["list", "--payment", ""], 2, "--payment is empty"),
        (["list", "--type", ""], 2, "--type is empty"),
        (["import", "nope.jsonl", "--yes"], 5, "nope.jsonl can't be read: there is no such file"),
        (["purge", "--file", "x", "--no-export"], 2, "contradict"),
        (["purge"], 3, "--confirm dev"),
        (["redrive"], 3, "not confirmed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_told_in_two_lines_and_changes_nothing(shop: Shop, words: list[str], code: int, said: str) -> None:
    """The exit code, what is wrong and what to do; never a traceback; nothing on stdout; nothing moved."""
    ran = shop.run(*words)
    assert ran.exit_code == code
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert (len(shop.queue.visible), shop.target.sent, shop.audited()) == (4, [], [])


def test_purge_and_import_leave_their_audit_records(shop: Shop, tmp_path: Path) -> None:
    """Begin and end of each action, with its counts; what was purged comes back."""
    assert shop.run("export", "copy.jsonl").exit_code == 0
    assert shop.run("purge", "--file", "gone.jsonl", "--confirm", "dev").exit_code == 0
    assert not shop.queue.messages
    assert shop.run("import", "gone.jsonl", "--yes").exit_code == 0
    assert len(shop.queue.sent) == len((tmp_path / "gone.jsonl").read_text().splitlines()) == 4
    assert shop.audited() == [
        "dlq.export started",
        "dlq.export done",
        "dlq.purge started",
        "dlq.purge done",
        "dlq.import started",
        "dlq.import done",
    ]
    assert shop.audit.lines[0]["at"].startswith(NOW.isoformat()[:10])


def test_where_and_query_must_both_hold(shop: Shop) -> None:
    """More conditions never mean more messages; a query that means nothing is told, also when quiet."""
    words = ["redrive", "--yes", "-o", "json", "--quiet"]
    ran = shop.run(*words, "--where", "webhook.provider == 'stripe'", "--query", "webhook.currency == 'USD'")
    assert (ran.exit_code, json.loads(ran.out)["seen"], json.loads(ran.out)["unmatched"]) == (0, 4, 3)
    ran = shop.run(*words, "--query", "redriven")
    assert (ran.exit_code, len(shop.queue.visible)) == (0, 3)
    assert "none of the 3 seen is meant by the filter (query redriven" in ran.err


def test_journal_is_named_before_anything_moves_and_quoted_at_the_end(shop: Shop, tmp_path: Path) -> None:
    """A killed run has told where its journal is; the command that goes on can be pasted as it stands."""
    shop.target.refuses_sends = {"m-stripe:evt_2"}
    ran = shop.run("redrive", "--yes", "--journal", "my dir/j.jsonl")
    assert ran.exit_code == 6
    assert ran.err.startswith(f"journal: {tmp_path}/my dir/j.jsonl\n")
    (command,) = re.findall(r"hint:  webhookctl dlq (.+)", ran.err)
    again = shop.run(*shlex.split(command.replace(" --env dev", "")), "--yes")
    assert (again.exit_code, len(shop.target.sent)) == (0, 3)


def test_error_in_the_middle_tells_how_to_go_on(shop: Shop) -> None:
    """The queue does not answer any more: what moved is told and audited, and the hint has the resume."""

    def gone(_: object) -> object:
        raise ConfigError("nothing answers", hint="webhookctl local up")

    send, shop.target.send = shop.target.send, gone  # type: ignore[method-assign,assignment]
    ran = shop.run("redrive", "--yes", "--quiet")
    assert ran.exit_code == 4
    assert re.search(r"hint:  webhookctl local up; then go on with: webhookctl dlq redrive .* --resume", ran.err)
    assert shop.audited() == ["dlq.redrive started", "dlq.redrive failed"]
    assert shop.audit.lines[-1]["counts"] == {"already_processed": 1}
    shop.target.send = send  # type: ignore[method-assign]
    (command,) = re.findall(r"go on with: webhookctl dlq (.+)", ran.err)
    again = shop.run(
        *shlex.split(command.replace(" --env dev", "")), "--yes", "--rate", "100", "--max", "2", "-o", "json"
    )
    assert (again.exit_code, json.loads(again.out)["redriven"]) == (0, 2)
    assert "at most 100/s; at most 2" in json.loads(again.out)["plan"]


def test_dry_run_has_nothing_to_go_on_with(shop: Shop) -> None:
    """However it ends, it names no journal: there is none."""
    ran = shop.run("redrive", "--dry-run", "--deadline", "0s")
    assert ran.exit_code == 8
    assert "journal" not in ran.err
    assert "nothing was changed" in ran.err


def test_interrupted_purge_says_how_far_it_came(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the first batch: it is finished, told, in the file and in the audit log; nothing else is deleted."""
    delete = shop.queue.delete

    def interrupted(messages: Sequence[QueueMessage]) -> BatchOutcome:
        os.kill(os.getpid(), signal.SIGINT)
        return delete(messages)

    monkeypatch.setattr(shop.queue, "delete", interrupted)
    monkeypatch.setattr("webhookctl.core.dlq_actions._LIMITS", ScanLimits(visibility_s=60, portion=2))
    ran = shop.run("purge", "--file", "gone.jsonl", "--confirm", "dev", "-o", "json")
    assert ran.exit_code == 130
    assert "webhookctl dlq import --env dev gone.jsonl" in ran.err
    assert (json.loads(ran.out)["purged"], len(shop.queue.messages)) == (2, 2)
    assert len((tmp_path / "gone.jsonl").read_text().splitlines()) == 2
    assert shop.audited() == ["dlq.purge started", "dlq.purge interrupted"]
    assert len(shop.queue.visible) == 2


def test_failed_purge_has_its_last_audit_line(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it."""

    def gone(_messages: object) -> BatchOutcome:
        raise WebhookctlError("the queue is gone")

    monkeypatch.setattr(shop.queue, "delete", gone)
    assert shop.run("purge", "--file", "gone.jsonl", "--confirm", "dev").exit_code == 1
    assert shop.audited() == ["dlq.purge started", "dlq.purge failed"]


def _steady(text: str) -> str:
    """Take out what differs from run to run."""
    text = re.sub(r"rd-[0-9a-f]{12}", "rd-000000000000", text)
    text = re.sub(r"(journal:? )'?/\S+", r"\g<1>/JOURNAL", text)
    return re.sub(r'(after |"seconds": )[\d.]+', r"\g<1>0.0", text)


def test_watch_prints_a_line_for_each_change_until_ctrl_c(shop: Shop) -> None:
    """Piped as JSON lines: the state at first, then nothing while the depth stays; Ctrl-C ends it with 130."""
    depth, readings = shop.queue.depth, iter(range(5))

    def until_ctrl_c() -> QueueDepth:
        if next(readings, None) is None:
            raise KeyboardInterrupt
        return depth()

    shop.queue.depth = until_ctrl_c  # type: ignore[method-assign]
    ran = shop.run("watch", "--every", "10ms", "-o", "jsonl")
    assert ran.exit_code == 130
    (line,) = map(json.loads, ran.out.splitlines())
    assert sum(group["count"] for group in line["groups"]) == 4
    assert "Traceback" not in ran.err

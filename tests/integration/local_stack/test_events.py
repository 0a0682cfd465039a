"""`webhookctl events` and `payments` on the deployed local environment, as an operator uses them."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lambdas.shared.webhook import Status
from tests.conftest import Cli
from tests.dead_letters import DeadLetters, stripe_event
from tests.eventually import eventually
from tests.fakes_provider_api import EVENTS_PATHS, KEY, ProviderStub, listed_event, serving
from webhookctl import cli
from webhookctl.core.event_story import HIDDEN

pytestmark = pytest.mark.integration

PROVIDERS = tuple(EVENTS_PATHS)


@pytest.fixture(scope="module")
def letters(deployed: Cli) -> DeadLetters:
    """Return the means to put rows and messages into the deployed environment."""
    return DeadLetters(deployed)


@pytest.fixture(scope="module")
def failed_twice(deployed: Cli) -> str:
    """Send a webhook that is processed at its third try; return its id once it is audited."""
    (trip,) = deployed.json("send", "stripe", "payment_intent.succeeded", "--fail-times", "2", "--wait")["timelines"]
    webhook_id = str(trip["webhook_id"])
    assert eventually(lambda: len(deployed.json("audit", "query", "-w", webhook_id)) == 2, within_s=20)
    return webhook_id


@pytest.fixture(scope="module")
def dead(letters: DeadLetters) -> Iterator[str]:
    """Put a webhook into the dead-letter queue, FAILED; return its id. It is purged afterwards."""
    (webhook_id,) = letters.add_many([stripe_event("dead")])
    assert eventually(lambda: len(letters.cli.json("audit", "query", "-w", webhook_id)) == 2, within_s=20)
    yield webhook_id
    letters.empty()


def listed(deployed: Cli, *words: str) -> set[str]:
    """Return the ids that `events list` gives."""
    return {row["webhook_id"] for row in deployed.json("events", "list", "--limit", "1000", *words)}


def test_list_narrows_by_every_filter(deployed: Cli, failed_twice: str, dead: str) -> None:
    """Provider, type, status, time and payment, from the log, the index or the table alike."""
    for since in ((), ("--since", "2h")):
        wanted = ("--provider", "stripe", "--type", "payment_intent.succeeded")
        assert failed_twice in listed(deployed, *wanted, "--status", "PROCESSED", *since)
        assert listed(deployed, *wanted, "--status", "failed", *since) & {failed_twice, dead} == {dead}
    assert failed_twice not in listed(deployed, "--provider", "square", "--since", "2h")
    assert failed_twice not in listed(deployed, "--type", "charge.refunded", "--since", "2h")
    payment_id = deployed.json("events", "show", failed_twice)["payment_id"]
    assert listed(deployed, "--payment", payment_id) == {failed_twice}
    assert len(deployed.json("events", "list", "--limit", "1")) == 1


@pytest.mark.parametrize("words", [("events", "list"), ("events", "reconcile", "--older-than", "30d", "--dry-run")])
def test_a_scan_says_what_it_costs(
    deployed: Cli, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a start or a payment the whole table is read, and stderr says so; with a start there is no scan."""
    monkeypatch.setenv("WEBHOOKCTL_HOME", str(deployed.home))
    assert cli.run([*words, "--no-input"]) == 0
    assert "This question costs a scan of the whole table" in capsys.readouterr().err
    assert cli.run([*words, "--since", "1h", "--no-input"]) == 0
    assert "scan" not in capsys.readouterr().err


def test_show_tells_the_whole_story(deployed: Cli, failed_twice: str) -> None:
    """Receipt, three tries with their errors, two writes and the services of its trace, in one timeline."""
    story = deployed.json("events", "show", failed_twice)
    timeline = [(moment["source"], moment["what"]) for moment in story["timeline"]]
    times = [datetime.fromisoformat(moment["at"]) for moment in story["timeline"]]
    assert times == sorted(times)
    assert ("receiver", "delivery: accepted") in timeline
    assert [what for source, what in timeline if source == "processor"] == [
        "attempt 1: retried",
        "attempt 2: retried",
        "attempt 3: processed",
    ]
    assert [what for source, what in timeline if source == "audit"] == ["seq 1: RECEIVED", "seq 2: PROCESSED"]
    assert sum("failure injected by the sender" in moment["detail"] for moment in story["timeline"]) == 2
    assert any(source == "trace" for source, _ in timeline)
    assert (story["status"], story["in_dlq"], story["attempts"]) == ("PROCESSED", None, 3)


def test_show_hides_the_payload_unless_asked(deployed: Cli, failed_twice: str) -> None:
    """Masked texts; with --payload what was sent; with --body the very bytes."""
    masked = json.dumps(deployed.json("events", "show", failed_twice)["payload"])
    whole = deployed.json("events", "show", failed_twice, "--payload")["payload"]
    assert HIDDEN in masked
    assert HIDDEN not in json.dumps(whole)
    assert whole["id"] == failed_twice.partition(":")[2]


def test_show_says_that_a_webhook_is_a_dead_letter(deployed: Cli, dead: str) -> None:
    """FAILED with the error, and its message is in the queue."""
    story = deployed.json("events", "show", dead)
    assert (story["status"], story["in_dlq"]) == ("FAILED", True)
    assert story["last_error"]["message"]


def test_show_of_an_unknown_webhook_is_not_found(deployed: Cli) -> None:
    """Exit 5."""
    assert deployed.code("events", "show", "stripe:nobody")[0] == 5


def test_tail_follows_what_happens(deployed: Cli) -> None:
    """A webhook that is sent while it runs passes by, received and processed; an interrupt ends it with 130."""
    environment = {**os.environ, "WEBHOOKCTL_HOME": str(deployed.home), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "webhookctl", "events", "tail", "-f", "--provider", "paypal", "-o", "jsonl"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        (trip,) = deployed.json("send", "paypal", "--wait")["timelines"]
        seen: list[str] = []
        for line in tail.stdout:
            happening = json.loads(line)
            if happening["webhook_id"] == trip["webhook_id"]:
                seen.append(happening["status"])
            if "PROCESSED" in seen:
                break
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=30) == 130
    assert seen == ["RECEIVED", "PROCESSED"]


def test_tail_without_follow_ends(deployed: Cli, failed_twice: str, dead: str) -> None:
    """The last quarter of an hour, narrowed by status."""
    assert dead in {row["webhook_id"] for row in deployed.json("events", "tail", "--status", "FAILED", "--since", "1h")}
    rows = deployed.json("events", "tail", "--status", "PROCESSED", "--since", "1h")
    assert failed_twice in {row["webhook_id"] for row in rows}


def test_reconcile_queues_what_is_stuck_and_leaves_dead_letters(deployed: Cli, letters: DeadLetters, dead: str) -> None:
    """Stored, but with no message: shown by the dry run, processed after the real one. What is young or dead stays."""
    forgotten = letters.store_failed("stripe", stripe_event("forgotten"))
    young = letters.store_failed("stripe", stripe_event("young"), received_at=datetime.now(UTC))
    shown = {row["webhook_id"] for row in deployed.json("events", "reconcile", "--older-than", "5m", "--dry-run")}
    assert shown & {forgotten, young, dead} == {forgotten}
    assert letters.webhook(forgotten).status is Status.FAILED
    done = deployed.json("events", "reconcile", "--older-than", "5m", "--yes")
    assert done["requeued"] == done["found"] == len(shown)
    assert letters.settled([forgotten], within_s=20)[forgotten].status is Status.PROCESSED
    assert letters.webhook(young).status is letters.webhook(dead).status is Status.FAILED
    assert "events.reconcile" in json.dumps(deployed.json("audit", "query", "--since", "5m"))


@pytest.fixture(scope="module")
def sent(deployed: Cli) -> dict[str, list[str]]:
    """Send two webhooks of each provider; return their event ids once they are processed and audited."""
    found: dict[str, list[str]] = {}
    for provider in PROVIDERS:
        trips = deployed.json("send", provider, "--count", "2", "--wait")["timelines"]
        assert {trip["status"] for trip in trips} == {"PROCESSED"}
        found[provider] = [trip["webhook_id"].partition(":")[2] for trip in trips]

    def are_audited() -> bool:
        told = {row["webhook_id"] for row in deployed.json("events", "tail", "--status", "PROCESSED", "--since", "1h")}
        return told >= {f"{provider}:{name}" for provider, names in found.items() for name in names}

    assert eventually(are_audited, within_s=30)
    return found


@pytest.mark.parametrize("source", ["api", "file"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_reconcile_with_a_provider_says_what_never_arrived(
    deployed: Cli,
    sent: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    provider: str,
    source: str,
) -> None:
    """Missing ones are named and give exit 7, processed ones are counted, ours beyond the list are extra.

    The list is the provider's own, from its API with the key from stdin, page by page, or from a saved answer.
    """
    listed, beyond = sent[provider]
    names = [listed, "never_arrived", "nor_this_one"]
    stub = ProviderStub(provider, [listed_event(provider, name, at=datetime.now(UTC)) for name in names])
    saved = tmp_path / "events.json"
    saved.write_text(json.dumps({"data" if provider == "stripe" else "events": stub.events}))
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    with serving(stub) as url:
        words = ("--api", url) if source == "api" else ("--file", str(saved))
        code, text = deployed.code("events", "reconcile", provider, "--since", "1h", *words, "-o", "json")
    found = json.loads(text)
    assert code == 7
    assert (found["missing"], found["processed"]) == (2, 1)
    standings = {row["webhook_id"]: row["standing"] for row in found["events"]}
    assert {name for name, standing in standings.items() if standing == "missing"} == {
        f"{provider}:never_arrived",
        f"{provider}:nor_this_one",
    }
    assert standings[f"{provider}:{beyond}"] == "extra"
    assert len(stub.requests) == (2 if source == "api" else 0)
    assert KEY not in text


def test_a_resent_webhook_is_a_duplicate(deployed: Cli, failed_twice: str) -> None:
    """PROCESSED stays as it is: the same bytes, signed anew, change nothing; its trace stands beside the first."""
    before = deployed.json("events", "show", failed_twice)
    assert deployed.json("events", "resend", failed_twice)["by_status"] == {"200": 1}

    def second_trace() -> set[str]:
        story = deployed.json("events", "show", failed_twice)
        return {m["what"] for m in story["timeline"] if m["trace_id"] not in (None, before["trace_id"])}

    assert eventually(lambda: second_trace() >= {"delivery: duplicate", "webhook-receiver-local"}, within_s=20)
    after = deployed.json("events", "show", failed_twice)
    assert (after["seq"], after["chain_hash"]) == (before["seq"], before["chain_hash"])
    assert (after["trace_ids"][0], len(after["trace_ids"])) == (before["trace_id"], 2)


def test_a_payment_is_what_its_events_come_to(deployed: Cli) -> None:
    """A shuffled refund with duplicates: refunded, listed, its money gone back; an unknown one is exit 5."""
    report = deployed.json("send", "stripe", "--scenario", "refund", "--shuffle", "--duplicate", "1", "--wait")
    assert all(line["as_expected"] for line in report)
    payment = deployed.json("payments", "list", "--since", "10m", "--status", "refunded")[0]
    shown = deployed.json("payments", "show", payment["payment_id"])
    assert (shown["status"], shown["net_minor"]) == ("refunded", 0)
    assert shown["refunded_minor"] == shown["amount_minor"] > 0
    assert len({step["webhook_id"] for step in shown["events"]}) == len(shown["events"]) > 1
    assert deployed.code("payments", "show", "pi_nobody")[0] == 5

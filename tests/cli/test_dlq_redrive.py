"""`dlq redrive` as an operator reads it at 80 columns, and as a script reads it."""

import json
import re
import shlex
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.shop import Shop
from webhookctl.errors import ConfigError


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


def _steady(text: str) -> str:
    """Take out what differs from run to run."""
    text = re.sub(r"rd-[0-9a-f]{12}", "rd-000000000000", text)
    text = re.sub(r"(journal:? )'?/\S+", r"\g<1>/JOURNAL", text)
    return re.sub(r'(after |"seconds": )[\d.]+', r"\g<1>0.0", text)

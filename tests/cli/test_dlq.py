"""The `dlq` commands as an operator reads them at 80 columns, and as a script reads them."""

import json

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.shop import Shop
from webhookctl.core.dlq.dead_letter import QueueDepth


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
        (["redrive", "--patch", "nope.json"], 5, "nope.json can't be read: there is no such file"),
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

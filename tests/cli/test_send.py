"""`webhookctl send`, as a person types it. No test here reaches a network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe
from syrupy.assertion import SnapshotAssertion

KEY = "whsec_from_a_file"
NOWHERE = "http://127.0.0.1:9/hook"


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "key.txt"
    path.write_text(f"{KEY}\n")
    return str(path)


def test_help_reads_well(cli: Callable[..., Any], snapshot: SnapshotAssertion) -> None:
    """The help fits 80 columns and names every option."""
    ran = cli("send", "--help")
    assert ran.exit_code == 0
    assert max(map(len, ran.out.splitlines())) <= 80
    assert ran.out == snapshot


def test_an_unknown_path_exits_2_and_names_the_close_ones(cli: Callable[..., Any]) -> None:
    """Nothing is sent, not even the environment is looked for."""
    ran = cli("send", "stripe", "payment_intent.succeeded", "--set", "data.object.nope=1")
    assert ran.exit_code == 2
    assert ran.out == ""
    assert "no path 'data.object.nope'; nothing was sent" in ran.err
    assert "nearest paths: data.object." in ran.err


def test_a_typo_exits_2_and_says_what_was_meant(cli: Callable[..., Any]) -> None:
    """The hint names the nearest event type."""
    ran = cli("send", "stripe", "payment_intent.suceeded")
    assert ran.exit_code == 2
    assert "did you mean payment_intent.succeeded" in ran.err


def test_without_a_provider_the_catalogue_is_pointed_at(cli: Callable[..., Any]) -> None:
    """`send` alone is a usage error that helps."""
    ran = cli("send")
    assert ran.exit_code == 2
    assert "webhookctl send --list" in ran.err


@pytest.mark.parametrize("provider", ["stripe", "paypal", "square"])
def test_the_catalogue_can_be_listed(cli: Callable[..., Any], provider: str) -> None:
    """One row per event type, with what it means."""
    ran = cli("send", "--list", provider, "-o", "json")
    rows = json.loads(ran.out)
    assert len(rows) >= 20
    assert {row["provider"] for row in rows} == {provider}


def test_a_printed_body_and_its_headers_belong_together(cli: Callable[..., Any], key_file: str) -> None:
    """With a seed the body is the same each time, and Stripe's library accepts the printed signature."""
    common = ("send", "stripe", "--url", NOWHERE, "--secret-from", key_file, "--print")
    body = b'{"id": "evt_1", "type": "x"}\n'
    Path("body.json").write_bytes(body)
    headers = cli(*common, "headers", "--file", "body.json").out
    assert cli(*common, "body", "--file", "body.json").out.encode() == body
    signature = next(line for line in headers.splitlines() if line.startswith("stripe-signature: "))
    assert stripe.WebhookSignature.verify_header(body.decode(), signature.split(": ")[1], KEY, tolerance=60)


def test_nothing_answering_exits_1_with_the_report(cli: Callable[..., Any], key_file: str) -> None:
    """The report is data on stdout all the same."""
    ran = cli("send", "stripe", "--url", NOWHERE, "--secret-from", key_file, "-o", "json")
    found = json.loads(ran.out)
    assert ran.exit_code == 1
    assert (found["sent"], found["accepted"], found["by_status"]) == (1, 0, {"no answer": 1})
    assert json.loads(ran.err)["error"]["code"] == "failed"


def test_an_unmet_expectation_exits_7(cli: Callable[..., Any], key_file: str) -> None:
    """`--expect` is a check."""
    assert cli("send", "stripe", "--url", NOWHERE, "--secret-from", key_file, "--expect", "401").exit_code == 7


def test_no_secret_is_ever_printed(cli: Callable[..., Any], key_file: str) -> None:
    """Neither the curl command nor the headers hold the key."""
    for form in ("curl", "headers", "body"):
        ran = cli("send", "stripe", "--url", NOWHERE, "--secret-from", key_file, "--print", form)
        assert KEY not in ran.out + ran.err


def test_body_and_secret_can_t_both_be_stdin(cli: Callable[..., Any]) -> None:
    """One stream can't be two things."""
    ran = cli("send", "stripe", "--url", NOWHERE, "--secret-from", "-", "--file", "-")
    assert ran.exit_code == 2


def test_paypal_signs_with_the_operator_s_test_ca(cli: Callable[..., Any], tmp_path: Path) -> None:
    """A bare webhook id is enough: the certificate is made in the operator's own folder."""
    (tmp_path / "id.txt").write_text("5WH0000000001")
    ran = cli("send", "paypal", "--url", NOWHERE, "--secret-from", "id.txt", "--print", "headers")
    assert "paypal-transmission-sig: " in ran.out
    assert list((tmp_path / "home").rglob("test-ca*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--amount", "-5"), "is negative"),
        (("--currency", "dollars"), "not an ISO 4217 code"),
        (("--url", "ftp://x"), "not an http or https URL"),
        (("--file", "missing.json"), "missing.json"),
        (("--timestamp", "yesterday"), "ISO 8601"),
        (("--tamper", "everything"), "tamper"),
    ],
)
def test_a_mistake_is_named(cli: Callable[..., Any], words: tuple[str, str], message: str) -> None:
    """Every wrong value exits 2 or 5 and says which it is."""
    ran = cli("send", "stripe", *words)
    assert ran.exit_code in (2, 5)
    assert message in ran.err

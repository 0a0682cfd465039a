"""Options of `webhookctl send` that would do nothing are refused, whatever they stand beside."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from webhookctl.commands.send_modes import EVENT_TYPE, GOES_WITH, PRINTED, PROVIDER, Mode, check
from webhookctl.commands.send_options import SendOptions, flag_of
from webhookctl.core.send.print import Form
from webhookctl.errors import UsageError

NOWHERE = "http://127.0.0.1:9/hook"
ASKED = {Mode.LIST: "list", Mode.CHAOS: "chaos", Mode.SCENARIO: "scenario", Mode.FILE: "file", Mode.EVENT: None}
IGNORED = [
    (mode, field.name)
    for mode in Mode
    for field in fields(SendOptions)
    if field.name not in GOES_WITH[mode] and field.name not in ASKED.values()
]


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"id": "evt_1", "type": "x"}')
    (tmp_path / "key.txt").write_text("whsec_modes")


@pytest.mark.parametrize(("mode", "name"), IGNORED, ids=str)
def test_an_option_outside_the_mode_is_refused_naming_both(mode: Mode, name: str) -> None:
    """Whatever its value: that it stands on the command line is enough."""
    asker = ASKED[mode]
    asked: dict[str, Any] = {asker: "x"} if asker else {}
    with pytest.raises(UsageError, match=re.escape(f"{flag_of(name)} has no effect with {mode}")):
        check([name], "stripe", SendOptions(**asked))


@pytest.mark.parametrize("name", sorted(GOES_WITH[Mode.EVENT] - PRINTED))
def test_what_is_about_sending_does_not_go_with_print(name: str) -> None:
    """Printing sends nothing."""
    with pytest.raises(UsageError, match=f"{flag_of(name)} has no effect with --print"):
        check([name], "stripe", SendOptions(print=Form.BODY))


@pytest.mark.parametrize("mode", Mode, ids=str)
def test_the_table_knows_every_parameter(mode: Mode) -> None:
    """A name in it that is no option would allow nothing."""
    known = {field.name for field in fields(SendOptions)} | {PROVIDER, EVENT_TYPE}
    assert GOES_WITH[mode] <= known


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("stripe --chaos --set a=b", "--set has no effect with --chaos"),
        ("--list stripe --tamper body", "--tamper has no effect with --list"),
        ("stripe payment_intent.succeeded --scenario refund", "the event type has no effect with --scenario"),
        ("stripe payment_intent.succeeded --file body.json", "the event type has no effect with --file"),
        ("standardwebhooks --chaos", "--chaos is for what the stack takes"),
        ("stripe --list --chaos", "--chaos has no effect with --list"),
        ("--chaos --scenario refund", "--scenario has no effect with --chaos"),
        ("stripe --scenario refund --file body.json", "--file has no effect with --scenario"),
        ("stripe --count 1 --list", "--count has no effect with --list"),
        ("stripe --timeout 5s", "--timeout is for waiting"),
        (f"--chaos --url {NOWHERE} --secret-from key.txt --timeout 5s", "--timeout is for waiting"),
        ("stripe --tamper replay --print curl", "--tamper has no effect with --print"),
        ("stripe --tamper replay --retry 60", "--retry has no effect with --tamper replay"),
        ("square --timestamp -1m", "square signs no time"),
        ("stripe customer.created --amount 500", "no place for it in customer.created"),
        ("stripe product.created --currency EUR", "no place for it in product.created"),
        ("stripe v2.core.account.created --api-version 2024-06-20", "no place for it in v2.core"),
        ("paypal --api-version 2024-06-20", "paypal events carry no API version"),
        ("stripe --env prod --fail-times 1 ", "--fail-times has no effect in 'prod'"),
    ],
)
def test_what_would_do_nothing_is_refused(cli: Callable[..., Any], words: str, message: str) -> None:
    """Also where it depends on the value of another option, or on the event."""
    ran = cli("send", *words.split())
    assert (ran.exit_code, ran.out) == (2, "")
    assert message in ran.err


@pytest.mark.parametrize(
    ("words", "message"), [("--timeout 5s", "--timeout is for waiting"), ("--dry-run --url ftp://x", "http or https")]
)
def test_resend_refuses_what_would_do_nothing_too(cli: Callable[..., Any], words: str, message: str) -> None:
    """Before it looks for the webhook."""
    ran = cli("events", "resend", "stripe:evt_1", *words.split())
    assert (ran.exit_code, message in ran.err) == (2, True)


@pytest.mark.parametrize("words", ["customer.created --currency EUR", "invoice.paid --api-version 2025-03-30"])
def test_what_has_a_place_in_the_event_is_taken(cli: Callable[..., Any], words: str) -> None:
    """The value that was asked for stands in the body."""
    ran = cli("send", "stripe", *words.split(), "--url", NOWHERE, "--secret-from", "key.txt", "--print", "body")
    assert (ran.exit_code, words.rpartition(" ")[2].lower() in ran.out) == (0, True)


def test_a_scenario_without_amounts_takes_none(cli: Callable[..., Any], tmp_path: Path) -> None:
    """None of its events would carry it."""
    (tmp_path / "s.yaml").write_text("sequences: {stripe: {steps: [customer.created, product.created]}}")
    aim = ("--url", NOWHERE, "--secret-from", "key.txt")
    ran = cli("send", "--scenario", "s.yaml", "--amount", "5", *aim)
    assert (ran.exit_code, "no place for it in customer.created and product.created" in ran.err) == (2, True)
    assert cli("send", "--scenario", "s.yaml", "--currency", "EUR", *aim).exit_code == 1


def test_nothing_leaves_before_what_waiting_needs_is_there(cli: Callable[..., Any]) -> None:
    """Without a stack there is no table to ask: that is said before sending, not after."""
    ran = cli("send", "stripe", "--url", NOWHERE, "--secret-from", "key.txt", "--wait", "--env", "local")
    assert (ran.exit_code in (4, 5), ran.out) == (True, "")

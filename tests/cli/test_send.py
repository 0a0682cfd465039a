"""`webhookctl send`, as a person types it. No test here reaches a network."""

import io
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe
from syrupy.assertion import SnapshotAssertion

from tests.fakes_sender import FakeTable
from webhookctl.config import Settings
from webhookctl.context import AppContext

KEY = "whsec_from_a_file"
NOWHERE = "http://127.0.0.1:9/hook"


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "key.txt"
    path.write_text(f"{KEY}\n")
    return str(path)


@dataclass
class Endpoint:
    """Somebody's endpoint: refuses until it has been asked `failures` times, and keeps what it was sent."""

    failures: int
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    refusal: int = 500
    interrupts_at: int | None = None

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        self.requests.append((headers, body))
        if len(self.requests) == self.interrupts_at:
            os.kill(os.getpid(), signal.SIGINT)
        return self.refusal if len(self.requests) <= self.failures else 200


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Serve on this machine, failing twice."""
    serving = Endpoint(failures=2)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(serving.answer({k.lower(): v for k, v in self.headers.items()}, body))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name

    server = HTTPServer(("127.0.0.1", 0), Handler)
    serving.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield serving
    server.shutdown()
    server.server_close()


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


def test_ctrl_c_stops_the_sending_and_tells_what_was_sent(
    cli: Callable[..., Any], key_file: str, endpoint: Endpoint
) -> None:
    """The request on its way is finished, the report names it, and the exit code says that it was cut short."""
    endpoint.interrupts_at = 3
    ran = cli("send", "stripe", "--count", "500", "--url", endpoint.url, "--secret-from", key_file, "-o", "json")
    assert ran.exit_code == 130
    assert json.loads(ran.out)["sent"] == len(endpoint.requests) == 3
    assert "Ctrl-C again to stop at once" in ran.err


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "verify explain"), (403, "--rate"), (413, "256 KB"), (400, "--print body")]
)
def test_a_refusal_says_what_to_do(
    cli: Callable[..., Any], key_file: str, endpoint: Endpoint, status: int, advice: str
) -> None:
    """Each answer that the stack gives has its own hint."""
    endpoint.failures, endpoint.refusal = 1, status
    ran = cli("send", "stripe", "--url", endpoint.url, "--secret-from", key_file)
    assert (ran.exit_code, f"1 x {status}" in ran.err, advice in ran.err) == (1, True, True)


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
        (("--currency", "XXY"), "'XXY' is not an ISO 4217 code"),
        (("--currency", ""), "not an ISO 4217 code"),
        (("--amount", "1" * 20), "more than any payment"),
        (("--api-version", "1999-01-01"), "not known here"),
        (("--api-version", "2099-01-01"), "not known here"),
        (("--api-version", "newest"), "not an API version"),
        (("--expect", "999"), "expect"),
        (("--retry", "0"), "not a number above 0"),
        (("--rate", "nan"), "not a number above 0"),
        (("--source-address", "localhost"), "not an IP address"),
        (("--url", ""), "not an http or https URL"),
        (("--url", "http://a b/"), "is not a URL"),
        (("--url", "http://127.0.0.1:99999/"), "is not a URL"),
        (("--url", "http://me:pw" + "@x.example/", "--secret-from", "x"), "would not be sent"),
        (("--url", "http://x.example/#a", "--secret-from", "x"), "would not be sent"),
        (("--url", NOWHERE, "--secret-from", ""), "names nothing"),
        (("--url", NOWHERE, "--secret-from", "noise"), "not text in UTF-8"),
        (("--amount", "42.00"), "4200 for 42.00"),
        (("--set", "data.object.description=\udcff"), "is not UTF-8"),
        (("--chaos", "--url", "http://a b/"), "is not a URL"),
    ],
)
def test_a_mistake_is_named(cli: Callable[..., Any], words: tuple[str, ...], message: str) -> None:
    """Every wrong value exits 2 or 5 and says which it is."""
    Path("noise").write_bytes(b"\xff\xfe")
    ran = cli("send", "stripe", *words)
    assert ran.exit_code in (2, 5)
    assert message in ran.err


def test_a_scenario_that_was_not_all_accepted_tells_what_was_sent(
    cli: Callable[..., Any], key_file: str, endpoint: Endpoint
) -> None:
    """There is no end to compare then: the report is the data, whether waiting was asked for or not."""

    def with_table(settings: Settings) -> AppContext:
        app = AppContext(settings)
        app.table = FakeTable({})
        return app

    aim = ("--url", endpoint.url, "--secret-from", key_file)
    ran = cli("send", "stripe", "--scenario", "refund", *aim, "--wait", "-o", "json", make_context=with_table)
    found = json.loads(ran.out)
    assert (ran.exit_code, found["sent"] - found["accepted"]) == (6, 2)


def test_half_a_character_is_written_as_json_names_it(cli: Callable[..., Any], key_file: str) -> None:
    """UTF-8 has no bytes for it, JSON's escapes do."""
    words = ("--set", 'data.object.description="\\ud800"', "--url", NOWHERE, "--secret-from", key_file)
    ran = cli("send", "stripe", *words, "--print", "body")
    assert (ran.exit_code, '"\\ud800"' in ran.out) == (0, True)


def test_a_secret_from_stdin_serves_every_provider(
    cli: Callable[..., Any], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read once."""
    endpoint.failures = 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"whsec_piped")))
    ran = cli("send", "--scenario", "refund", "--url", endpoint.url, "--secret-from", "-", "--query", "by_status")
    assert (ran.exit_code, ran.err) == (0, "")


@pytest.mark.parametrize("provider", ["stripe", "paypal", "square"])
def test_a_retry_brings_the_same_event_again_as_the_provider_does(
    cli: Callable[..., Any], endpoint: Endpoint, key_file: str, provider: str
) -> None:
    """Two failures, two retries: one event, one body, the provider's own retry headers, and the last answer counts."""
    words = ("send", provider, "--url", endpoint.url, "--secret-from", key_file, "-o", "json")
    ran = cli(*words, "--retry", "1000000")
    (delivery,) = json.loads(ran.out)["deliveries"]
    assert (ran.exit_code, delivery["status"], delivery["attempts"]) == (0, 200, 3)
    assert len({body for _, body in endpoint.requests}) == 1
    numbers = [headers.get("square-retry-number") for headers, _ in endpoint.requests]
    assert numbers == ([None, "1", "2"] if provider == "square" else [None] * 3)


def test_without_retry_each_webhook_is_one_request(
    cli: Callable[..., Any], endpoint: Endpoint, key_file: str, snapshot: SnapshotAssertion
) -> None:
    """Five webhooks, two of them answered 500: five requests, exit 6, and a table that says which."""
    words = ("send", "stripe", "--url", endpoint.url, "--secret-from", key_file, "--count", "5", "--seed", "7")
    ran = cli(*words)
    assert ran.exit_code == 6
    assert len(endpoint.requests) == 5
    steady = re.sub(r"(?m)p50.*ms$|(?<=-        )[\d.]+$|(?<=Seconds   )[\d.]+$", "#", ran.out)
    assert (steady, ran.err) == snapshot


def test_a_query_is_asked_of_the_whole_report(cli: Callable[..., Any], endpoint: Endpoint, key_file: str) -> None:
    """Also where a table would show the short form of it."""
    endpoint.failures = 0
    ran = cli("send", "stripe", "--url", endpoint.url, "--secret-from", key_file, "--query", "by_status")
    assert (ran.exit_code, ran.out) == (0, "200  1\n")

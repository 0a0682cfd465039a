"""Planted card data goes through the deployed environment; then every place and every command's output is searched.

What is searched for: the card number in any spelling, the verification code, every provider's key, the audit seal, and
the signatures that were sent.
"""

import base64
import json
import re
import secrets as chance
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambdas.shared.body import decompress
from stack.outputs import AUDIT_KEY_SECRET, PROVIDERS, secret_output
from tests.conftest import Cli
from tests.eventually import eventually
from webhookctl.local.state import REGION, LocalEnvironment

pytestmark = pytest.mark.integration

PAN = "4242424242424242"
SPACED = "4242 4242 4242 4242"
CODE = "7373"
EMAIL = "planted@person.example"
RECEIVES = 100
"""Batches of ten that the dead-letter queue is read for at most."""


@pytest.fixture(scope="module")
def client(local_environment: LocalEnvironment) -> Callable[[str], Any]:
    """Return a maker of AWS clients for the environment."""
    session = boto3.Session("test", "test", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=local_environment.aws_url)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def planted(deployed: Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Send a webhook that is processed and one that ends as a dead letter, full of card data; return their ids."""
    folder, run = tmp_path_factory.mktemp("planted"), chance.token_hex(4)  # a second run plants anew
    ids = {name: f"stripe:evt_planted_{name}_{run}" for name in ("processed", "dead")}
    for name, fail_times in (("processed", 1), ("dead", 99)):
        file = folder / f"{name}.json"
        file.write_bytes(_body(ids[name].removeprefix("stripe:"), payment=f"pi_planted_{run}", fail_times=fail_times))
        deployed.json("send", "stripe", "--file", str(file))
    deployed.json("send", "stripe", "--file", str(folder / "processed.json"), "--tamper", "body", "--expect", "401")
    assert _strangers_post(deployed.json("outputs")["APIEndpoint"]) == 404

    def is_settled() -> bool:
        return all(len(deployed.json("audit", "query", "-w", each)) == 2 for each in ids.values())

    assert eventually(is_settled, within_s=60)
    yield {**ids, "payment": f"pi_planted_{run}"}
    deployed.code("dlq", "purge", "--no-export", "--confirm", "local")


def _strangers_post(endpoint: str) -> int:
    """Write the card data where nobody has to sign for it: into the path and the user agent."""
    headers = {"User-Agent": f"{PAN} 12/29 {CODE}", "X-Amzn-Trace-Id": "Sampled=1"}
    address = f"{endpoint}/webhook/{PAN}"
    request = urllib.request.Request(address, data=b"{}", headers=headers, method="POST")  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - ours
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def _body(event_id: str, *, payment: str, fail_times: int) -> bytes:
    card = {"number": PAN, "cvc": CODE, "note": f"paid with {SPACED} 12/29 {CODE}", "email": EMAIL}
    amounts = {"amount": 1200, "amount_received": 1200, "currency": "eur"}
    intent = {"id": payment, "object": "payment_intent", "status": "succeeded", **amounts}
    event = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1_750_000_000,
        "data": {"object": {**intent, "card": card}},
        "webhookctl": {"failTimes": fail_times},
    }
    return json.dumps(event).encode()


@pytest.fixture(scope="module")
def secrets(client: Callable[[str], Any], deployed: Cli) -> set[str]:
    """Return every key of the environment: what signs, and what seals the audit log."""
    outputs, manager = deployed.json("outputs"), client("secretsmanager")
    found: set[str] = set()
    for name in (*map(secret_output, PROVIDERS), AUDIT_KEY_SECRET):
        raw = json.loads(manager.get_secret_value(SecretId=outputs[name])["SecretString"])
        found |= {key["value"] for key in raw.get("keys", [])} | set(filter(None, [raw.get("generated")]))
    assert len(found) > len(PROVIDERS)
    return found


def searched(text: str, secrets: set[str]) -> list[str]:
    """Return what was found that must not be there."""
    digits = re.sub(r"[ -]", "", text)
    found = [secret[:4] for secret in secrets if secret in text]
    found += ["card number"] if PAN in digits else []
    found += ["verification code"] if re.search(rf'(cvc\\*"\s*:\s*\\*"?|12/29 ){CODE}', text) else []
    found += ["signature"] if re.search(r"v1=[0-9a-f]{64}", text) else []
    return found


def test_no_place_holds_card_data_or_keys(
    client: Callable[[str], Any], deployed: Cli, planted: dict[str, str], secrets: set[str]
) -> None:
    """Rows, stored bodies, log groups, traces and dead letters."""
    outputs = deployed.json("outputs")
    rows = client("dynamodb").get_paginator("scan").paginate(TableName=outputs["TableName"])
    items = [item for page in rows for item in page["Items"]]
    bodies = [decompress(bytes(item["body"]["B"])).decode() for item in items if "body" in item]
    logs = client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    lines = [event["message"] for name in groups for event in logs.filter_log_events(logGroupName=name)["events"]]
    traces = _traces(client("xray"), [item["traceId"]["S"] for item in items if "traceId" in item])
    letters = _dead_letters(client("sqs"), outputs["DeadLetterQueueUrl"], until=planted["dead"])
    places = {"rows": items, "bodies": bodies, "logs": lines, "traces": traces, "dead letters": letters}
    for place, found in places.items():
        text = json.dumps(found, default=str)
        assert len(found) > 0, place
        assert searched(text, secrets) == [], place
        assert EMAIL not in text or place == "bodies", place
    assert planted["dead"] in json.dumps(letters, default=str)
    assert planted["processed"] in json.dumps(lines)
    assert planted["processed"] in json.dumps(traces)


def _dead_letters(sqs: Any, url: str, *, until: str) -> list[Any]:
    """Read the queue until a webhook's letter is among what was read, however many others left there; give all back."""
    found: list[Any] = []
    for _ in range(RECEIVES):
        asked = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        some = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, **asked)
        found += some.get("Messages", [])
        if until in json.dumps(found, default=str) or not some.get("Messages"):
            break
    for letter in found:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0)
    return found


def _traces(xray: Any, ids: list[str]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(ids), 5):
        for trace in xray.batch_get_traces(TraceIds=ids[start : start + 5])["Traces"]:
            found += [segment["Document"] for segment in trace["Segments"]]
    return found


@pytest.mark.parametrize("output", ["table", "json"])
def test_no_command_prints_card_data_or_keys(
    deployed: Cli, planted: dict[str, str], secrets: set[str], output: str
) -> None:
    """As tables and as JSON; the person's address only where the payload was asked for."""
    processed, dead = planted["processed"], planted["dead"]
    commands = [
        ("events", "list", "--since", "1h"),
        *(("events", "show", each) for each in (processed, dead)),
        ("events", "tail", "--since", "1h"),
        ("payments", "show", planted["payment"]),
        ("dlq", "list"),
        ("dlq", "show", dead),
        ("audit", "query", "--since", "1h"),
        ("audit", "show", processed),
        ("trace", "show", processed, "--logs"),
        ("trace", "list", "--since", "1h"),
        ("logs", "tail", "--since", "1h"),
        ("secrets", "list"),
    ]
    for words in commands:
        code, text = deployed.code(*words, "-o", output)
        assert (code, bool(text)) == (0, True), words
        assert searched(text, secrets) == [], words
        assert EMAIL not in text, words
    for words in (("events", "show", processed, "--payload"), ("events", "show", dead, "--payload")):
        _, text = deployed.code(*words, "-o", output)
        assert EMAIL in text
        assert searched(text, secrets) == [], words


def test_no_other_command_prints_card_data_or_keys(
    deployed: Cli, planted: dict[str, str], secrets: set[str], tmp_path: Path
) -> None:
    """What has one form only, changes nothing by itself, or speaks of everything at once."""
    processed, dead = planted["processed"], planted["dead"]
    headers = tmp_path / "headers.txt"
    headers.write_text("stripe-signature: t=1750000000,v1=nothing\n")
    commands = [
        ("payments", "list", "--since", "1h"),
        ("dlq", "list", "--each"),
        ("dlq", "redrive", "--dry-run", "-o", "jsonl"),
        ("audit", "export", "--since", "1h"),
        ("audit", "query", "--since", "1h", "--insights"),
        ("events", "resend", processed, dead, "--dry-run", "--allow-redacted"),
        ("events", "reconcile", "--dry-run", "--older-than", "0s"),
        ("verify", "explain", "stripe", "--headers", str(headers), "--webhook", processed),
        ("trace", "map"),
        ("local", "logs", "engine", "--lines", "100000"),
        ("local", "logs", "front-door", "--lines", "100000"),
        ("outputs",),
        ("config", "show"),
        ("status",),
    ]
    for words in commands:
        code, text = deployed.code(*words)
        assert code in ((0, 7) if words[0] == "verify" else (0,)), (words, text)
        assert searched(text, secrets) == [], words
        assert EMAIL not in text, words


def test_a_body_that_was_asked_for_is_the_stored_one_without_card_data(
    deployed: Cli, planted: dict[str, str], secrets: set[str]
) -> None:
    """`events show --body` prints every byte that is stored: the person's address, but no card number and no code."""
    for webhook_id in (planted["processed"], planted["dead"]):
        code, text = deployed.code("events", "show", webhook_id, "--body")
        assert code == 0
        assert json.loads(text)["id"] == webhook_id.removeprefix("stripe:")
        assert EMAIL in text
        assert searched(text, secrets) == []


def test_no_file_that_a_command_writes_holds_card_data_or_keys(
    deployed: Cli, planted: dict[str, str], secrets: set[str], tmp_path: Path
) -> None:
    """Dead letters without and with their payloads, and what is gathered for a post-mortem."""
    plain, whole, incident = tmp_path / "dead.jsonl", tmp_path / "whole.jsonl", tmp_path / "incident"
    assert deployed.code("dlq", "export", str(plain))[0] == 0
    assert deployed.code("dlq", "export", str(whole), "--payloads")[0] == 0
    assert deployed.code("incident", "export", str(incident), "--since", "15m")[0] == 0
    lines = [json.loads(line) for line in whole.read_text().splitlines()]
    payloads = {line["webhook"]["webhook_id"]: base64.b64decode(line["webhook"]["body"]).decode() for line in lines}
    assert EMAIL in payloads[planted["dead"]]
    gathered = "".join(path.read_text() for path in sorted(incident.rglob("*")) if path.is_file())
    for text in (plain.read_text(), gathered):
        assert len(text) > 0
        assert EMAIL not in text
    for text in (plain.read_text(), *payloads.values(), gathered):
        assert searched(text, secrets) == []

"""Traces continue from hop to hop, and the SDK stays unloaded unless sampled."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lambdas.shared.tracing import TraceHeader, incoming, span

ROOT = "1-5759e988-bd862e3fe1be46a994272793"


def test_a_header_survives_parse_and_print() -> None:
    """What one hop prints, the next one reads."""
    header = TraceHeader(root=ROOT, parent="53995c3f42cd8ad8", is_sampled=True)
    assert TraceHeader.parse(str(header)) == header


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "x", "Root=;Sampled=1", "Root=1-2;Parent=;Sampled=1", "=;=;", "Root"),
        "Root=1-4242424242424242;Sampled=1;x=" + "y" * 17,
        f"Root=1-{'é' * 33};Sampled=1",
        "Root=1-5759e988-4242 4242 4242 4242 abcd;Sampled=1",
    ],
)
def test_a_foreign_header_is_no_trace(text: str | None) -> None:
    """Nothing that a client sends in the header can break the receiver or force sampling of a bad root."""
    header = TraceHeader.parse(text)
    assert (header.root, header.is_sampled) == (None, False)


@pytest.mark.parametrize("parent", ["4242424242424242424242", "é" * 16, "a b", "x" * 5000])
def test_what_is_no_segment_is_no_parent(parent: str) -> None:
    """It would go on to the queue, which refuses some characters, and that for every delivery of the webhook."""
    header = TraceHeader.parse(f"Root={ROOT};Parent={parent};Sampled=1")
    assert (header.root, header.parent) == (ROOT, None)


def test_the_same_trace_continues_under_lambdas_segment() -> None:
    """On AWS the request's and Lambda's header name one root: Lambda's own segment is the parent."""
    lambda_header = f"Root={ROOT};Parent=aaaaaaaaaaaaaaaa;Sampled=1"
    environ = {"_X_AMZN_TRACE_ID": lambda_header}
    assert incoming(f"Root={ROOT};Parent=bbbbbbbbbbbbbbbb;Sampled=1", environ).parent == "aaaaaaaaaaaaaaaa"
    other = f"Root=1-5759e988-{'0' * 24};Parent=bbbbbbbbbbbbbbbb;Sampled=0"
    assert incoming(other, environ).parent == "bbbbbbbbbbbbbbbb"
    assert incoming(None, environ).root == ROOT


def test_an_unsampled_span_hands_its_header_on() -> None:
    """The next hop must know not to sample either."""
    with span("x", TraceHeader(root=ROOT, is_sampled=False)) as silent, silent.step("verify"):
        silent.annotate(a=1)
        assert silent.header == f"Root={ROOT};Sampled=0"
    with span("x", TraceHeader()) as absent:
        assert absent.header is None


def test_the_sdk_is_not_loaded_unless_sampled() -> None:
    """Importing all three handlers and opening an unsampled span leaves aws_xray_sdk out."""
    code = (
        "import sys, lambdas.receiver.handler, lambdas.processor.handler, lambdas.audit.handler\n"
        "from lambdas.shared.tracing import TraceHeader, span\n"
        "with span('x', TraceHeader()): pass\n"
        "assert not [m for m in sys.modules if m.startswith('aws_xray_sdk')]\n"
        "assert 'cryptography' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


_TRIP = f"""
from tests.fakes_trip import Trip, secret, signed_headers, stripe_body
trip, body = Trip(), stripe_body(webhookctl={{"failTimes": 1}})
traced = {{"X-Amzn-Trace-Id": "Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"}}
headers = traced | signed_headers("stripe", body, secret=secret("stripe"))
trip.post("stripe", body, headers)
trip.drain()
trip.audit()
trip.post("stripe", body + b" ", headers)
"""


def test_one_trace_holds_receiver_every_attempt_and_audit() -> None:
    """Each continues the receiver's segment: by the message's header, and the audit logger by the item.

    A forgery is the sender's error and no fault of the receiver's.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        environ = {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}", "AWS_DEFAULT_REGION": "us-east-1"}
        root = Path(__file__).parents[4]
        subprocess.run([sys.executable, "-c", _TRIP], check=True, env=environ, cwd=root, stdout=subprocess.DEVNULL)
        receiver, *others, forged = (json.loads(daemon.recv(65536).split(b"\n", 1)[1]) for _ in range(6))
    assert (forged["annotations"]["outcome"], forged["error"], "fault" in forged) == ("refused", True, False)
    assert {segment["trace_id"] for segment in (receiver, *others)} == {ROOT}
    assert {segment["parent_id"] for segment in others} == {receiver["id"]}
    told = [(segment["name"], segment["annotations"]) for segment in others]
    assert [(name, notes.get("attempt"), notes.get("seq"), notes["outcome"]) for name, notes in told] == [
        ("payment-processor-test", 1, None, "failed"),
        ("payment-processor-test", 2, None, "processed"),
        ("audit-logger-test", None, 1, "recorded"),
        ("audit-logger-test", None, 2, "recorded"),
    ]
    assert {notes["webhook_id"] for _, notes in told} == {"stripe:evt_1"}
    calls = {step["name"]: step.get("subsegments", [{}])[0].get("aws") for step in receiver["subsegments"]}
    assert calls["store"] == {"operation": "PutItem", "table_name": "webhooks"}
    assert calls["enqueue"] == {"operation": "SendMessage", "queue_url": "http://aws.invalid/queue"}


def test_a_sampled_span_sends_one_segment_with_steps_and_annotations() -> None:
    """The daemon gets the segment in the webhook's trace, its steps as subsegments; a failing step is a fault.

    What the caller did wrong is an error instead, of the step and of the segment.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        code = (
            "from lambdas.shared.tracing import TraceHeader, span\n"
            f"with span('receiver', TraceHeader(root={ROOT!r}, parent='53995c3f42cd8ad8', is_sampled=True)) as s:\n"
            "    with s.step('verify'): pass\n"
            "    s.annotate(webhook_id='stripe:evt_1', attempt=2, nothing=None)\n"
            "    print(s.header)\n"
            "    try:\n"
            "        with s.step('store'): raise ValueError('4242')\n"
            "    except ValueError: pass\n"
            "try:\n"
            f"    with span('refusing', TraceHeader(root={ROOT!r}, is_sampled=True), refusals=(LookupError,)) as s:\n"
            "        with s.step('verify'): raise KeyError\n"
            "except KeyError: pass\n"
        )
        environ = {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}"}
        out = subprocess.run([sys.executable, "-c", code], check=True, env=environ, capture_output=True, text=True)
        document, refusing = (json.loads(daemon.recv(65536).split(b"\n", 1)[1]) for _ in range(2))
    for refused in (refusing, *refusing["subsegments"]):
        assert (refused.get("error"), refused.get("fault")) == (True, None)
    assert (document["trace_id"], document["parent_id"], document["name"]) == (ROOT, "53995c3f42cd8ad8", "receiver")
    assert document["annotations"] == {"webhook_id": "stripe:evt_1", "attempt": 2}
    assert [(s["name"], s.get("fault", False)) for s in document["subsegments"]] == [("verify", False), ("store", True)]
    assert out.stdout.strip() == f"Root={ROOT};Parent={document['id']};Sampled=1"
    assert "4242" not in json.dumps(document)

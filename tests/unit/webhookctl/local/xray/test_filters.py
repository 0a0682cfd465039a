"""Filter expressions, asked through boto3's own get_trace_summaries."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes_xray import NOW, Served, client_of, segment, served, trace_id

GOOD, SLOW, BROKEN, DENIED, BUSY, OPEN = (trace_id(number) for number in range(1, 7))
NAMES = {GOOD: "good", SLOW: "slow", BROKEN: "broken", DENIED: "denied", BUSY: "busy", OPEN: "open"}


def _request(status: int | None, url: str = "https://api.example.test/prod/webhook/stripe") -> dict[str, Any]:
    request = {"url": url, "method": "POST", "client_ip": "127.0.0.7", "user_agent": "Stripe/1.0"}
    return {"request": request, "response": {"status": status}} if status else {"request": request}


def _documents() -> Iterator[str]:
    gateway = "AWS::ApiGateway::Stage"
    yield segment(GOOD, "a1", "intake/prod", origin=gateway, http=_request(200), took=0.2)
    yield segment(
        GOOD,
        "a2",
        "webhook-receiver-dev",
        parent_id="a1".rjust(16, "0"),
        origin="AWS::Lambda::Function",
        annotations={"provider": "stripe", "webhook_id": "stripe:evt_1", "attempt": 1, "livemode": False},
        subsegments=[
            {
                "id": "a3".rjust(16, "0"),
                "name": "DynamoDB",
                "namespace": "aws",
                "start_time": NOW + 0.01,
                "end_time": NOW + 0.05,
                "aws": {"table_name": "PaymentWebhooks-dev"},
            }
        ],
    )
    yield segment(
        SLOW, "b1", "intake/prod", origin=gateway, http=_request(200, "https://api.example.test/slow"), took=6.5
    )
    yield segment(
        SLOW,
        "b2",
        "payment-processor-dev",
        parent_id="b1".rjust(16, "0"),
        start=6.0,
        took=3.0,
        user="alice",
        resource_arn="arn:aws:lambda:us-east-1:000000000000:function:payment-processor-dev",
        annotations={"provider": "square", "attempt": 3, "livemode": True},
    )
    yield segment(BROKEN, "c1", "intake/prod", origin=gateway, http=_request(503), fault=True)
    yield segment(
        BROKEN,
        "c2",
        "webhook-receiver-dev",
        parent_id="c1".rjust(16, "0"),
        origin="AWS::Lambda::Function",
        fault=True,
        annotations={"provider": "paypal"},
        subsegments=[
            {
                "id": "c3".rjust(16, "0"),
                "name": "SQS",
                "namespace": "aws",
                "start_time": NOW,
                "end_time": NOW + 0.01,
                "fault": True,
                "http": {"response": {"status": 503}},
                "aws": {"queue_url": "http://queue.test/webhook-processing-dev"},
                "cause": {"exceptions": [{"id": "1", "type": "ServiceUnavailable", "message": "try later"}]},
            }
        ],
    )
    yield segment(DENIED, "d1", "intake/prod", origin=gateway, http=_request(401), error=True)
    yield segment(BUSY, "e1", "intake/prod", origin=gateway, http=_request(429), error=True, throttle=True)
    yield segment(OPEN, "f1", "intake/prod", origin=gateway, http=_request(None), end_time=None, in_progress=True)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Path(tmp_path_factory.mktemp("xray")) / "traces.db") as running:
        client = client_of(running)
        answer = client.put_trace_segments(TraceSegmentDocuments=list(_documents()))
        assert answer["UnprocessedTraceSegments"] == []
        yield running


@pytest.fixture
def find(api: Served) -> Callable[[str], set[str]]:
    client = client_of(api)

    def found(expression: str) -> set[str]:
        pages = client.get_paginator("get_trace_summaries").paginate(
            StartTime=datetime.fromtimestamp(NOW, UTC) - timedelta(minutes=5),
            EndTime=datetime.fromtimestamp(NOW, UTC) + timedelta(minutes=5),
            FilterExpression=expression,
        )
        return {NAMES[summary["Id"]] for page in pages for summary in page["TraceSummaries"]}

    return found


EVERYTHING = set(NAMES.values())

EXPRESSIONS = {
    "": EVERYTHING,
    "ok": {"good", "slow"},
    "!ok": {"broken", "denied", "busy", "open"},
    "ok = false": {"broken", "denied", "busy", "open"},
    "fault": {"broken"},
    "error": {"denied", "busy"},
    "error AND !throttle": {"denied"},
    "throttle = true": {"busy"},
    "partial": {"open"},
    "inferred": {"good", "broken"},
    "responsetime > 5": {"slow"},
    "responseTime >= 0.1 AND responsetime < 0.3 and http.status = 200": {"good"},
    "duration >= 5 AND duration <= 9.5": {"slow"},
    "ok !partial duration <3": {"good"},
    "http.status != 200": {"broken", "denied", "busy"},
    "http.status >= 500 OR http.status = 401": {"broken", "denied"},
    'http.url CONTAINS "/webhook/"': EVERYTHING - {"slow"},
    'http.url BEGINSWITH "https://api.example.test/" AND http.url ENDSWITH "slow"': {"slow"},
    'http.method = "POST" AND http.clientip = "127.0.0.7" AND fault': {"broken"},
    "http.clientip = 127.0.0.7 AND fault": {"broken"},
    "http.clientip != 2001:db8::7 AND fault": {"broken"},
    "http.method = POST AND fault": {"broken"},
    'http.useragent BEGINSWITH "Stripe"': EVERYTHING,
    'user CONTAINS ""': {"slow"},
    'user = "alice"': {"slow"},
    'resource.arn ENDSWITH "payment-processor-dev"': {"slow"},
    'annotation.provider = "stripe"': {"good"},
    'annotation[provider] = "square"': {"slow"},
    'annotation.webhook_id = "stripe:evt_1"': {"good"},
    "annotation.provider": {"good", "slow", "broken"},
    "!annotation.provider": {"denied", "busy", "open"},
    "annotation.attempt > 2": {"slow"},
    "annotation.attempt = 1": {"good"},
    "annotation.livemode": {"slow"},
    "annotation.livemode = false": {"good"},
    'annotation.provider BEGINSWITH "s"': {"good", "slow"},
    'annotation.provider != "stripe"': {"slow", "broken"},
    'service("webhook-receiver-dev")': {"good", "broken"},
    'service("webhook-receiver-dev") { fault }': {"broken"},
    "service() { fault }": {"broken"},
    'service("payment-processor-dev") { responsetime > 2.5 } AND annotation.attempt = 3': {"slow"},
    '!service("webhook-receiver-dev") AND ok': {"slow"},
    'service(id(name: "webhook-receiver-dev", type: "AWS::Lambda::Function")) { ok }': {"good"},
    'service(id(type: "AWS::DynamoDB::Table"))': {"good"},
    'service("intake/prod") { root = true and fault = true }': {"broken"},
    'edge("intake/prod", "webhook-receiver-dev")': {"good", "broken"},
    'edge("intake/prod", "webhook-receiver-dev") { fault }': {"broken"},
    'edge(id(name: "webhook-receiver-dev"), id(type: "AWS::SQS::Queue")) { fault = true }': {"broken"},
    '!edge("intake/prod", "webhook-receiver-dev") AND !error': {"slow", "open"},
    'rootcause.fault.service { name = "webhook-receiver-dev" }': {"broken"},
    'rootcause.fault.exception { last and message = "try later" }': {"broken"},
    'rootcause.fault.service { inferred and type = "AWS::SQS::Queue" }': {"broken"},
    'rootcause.fault.entity { last and name CONTAINS "queue" }': {"broken"},
    '(fault OR throttle) AND http.url CONTAINS "stripe"': {"broken", "busy"},
    "fault OR ok AND duration > 5": {"broken", "slow"},
}


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_a_documented_expression_finds_what_it_says(expression: str, find: Callable[[str], set[str]]) -> None:
    """Each expression of the documentation's kinds returns exactly the traces that satisfy it."""
    assert find(expression) == EXPRESSIONS[expression]


@pytest.mark.parametrize(
    "expression",
    [
        "responsetime >",
        "responsetime > 5s",
        "8.8.8.8",
        "fault 8.8.8.8",
        'responsetime = "slow"',
        'http.url > "a"',
        "nonsense = 1",
        'service("a") { annotation.provider }',
        'service("a" { fault }',
        "ok )",
        'group.name = "slow"',
        "fault & error",
        'annotation.attempt > "2"',
        'id(colour: "red")',
        "rootcause.weather.service",
        "annotation. = 1",
        "annotation[] = 1",
        "fault AND NOT error",
        "(fault OR error",
        "()",
    ],
)
def test_an_expression_outside_the_language_is_refused(expression: str, find: Callable[[str], set[str]]) -> None:
    """A mistake is an InvalidRequestException, never an empty answer."""
    with pytest.raises(ClientError) as caught:
        find(expression)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"

"""Laws of the WAF's place at the front door, with an engine that answers from memory."""

import asyncio
import base64
import functools
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from webhookctl.local.aws_listener import ApiCall
from webhookctl.local.engine_client import EngineError
from webhookctl.local.exchange import Arrival, Refusal
from webhookctl.local.stage_directory import Stage
from webhookctl.local.trace_header import receive
from webhookctl.local.waf.directory import WafDirectory
from webhookctl.local.waf.gate import WafGate
from webhookctl.local.waf.profile import read_lag, write_lag
from webhookctl.local.waf.publisher import WafPublisher

STAGE = Stage(
    name="prod",
    api_id="abc",
    api_name="api",
    created_at=0,
    access_log_group=None,
    access_log_format=None,
    traces=False,
)
RATE = {
    "Name": "rate",
    "Priority": 0,
    "Action": {"Block": {}},
    "VisibilityConfig": {"MetricName": "rateMetric"},
    "Statement": {"RateBasedStatement": {"Limit": 10, "EvaluationWindowSec": 60, "AggregateKeyType": "IP"}},
}
BLOCK_ALL = {
    "Name": "path",
    "Priority": 0,
    "Action": {"Block": {}},
    "VisibilityConfig": {"MetricName": "pathMetric"},
    "Statement": {
        "ByteMatchStatement": {
            "SearchString": base64.b64encode(b"/prod/webhook/").decode(),
            "PositionalConstraint": "STARTS_WITH",
            "FieldToMatch": {"UriPath": {}},
            "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
        }
    },
}


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an asynchronous test in a loop of its own."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        async def body() -> None:
            await test(**fixtures)

        asyncio.run(body())

    return run


class FakeEngine:
    """Answers the wafv2, logs and monitoring calls that the gate makes; anything else fails the test."""

    region = "us-east-1"

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.acl: dict[str, Any] | None = {
            "ARN": "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/acl/1",
            "Name": "acl",
            "DefaultAction": {"Allow": {}},
            "VisibilityConfig": {"MetricName": "acl"},
            "Rules": list(rules),
        }
        self.log_events: list[dict[str, Any]] = []
        self.metrics: list[dict[str, Any]] = []

    async def call(self, service: str, target: str, payload: dict[str, Any]) -> dict[str, Any]:
        operation = target.rpartition(".")[2]
        if operation == "GetWebACLForResource":
            assert payload["ResourceArn"].endswith("/restapis/abc/stages/prod")
            if self.acl is None:
                raise EngineError("WAFNonexistentItemException", "none", status=400)
            return {"WebACL": json.loads(json.dumps(self.acl))}
        if operation == "GetLoggingConfiguration":
            group = "arn:aws:logs:us-east-1:000000000000:log-group:aws-waf-logs-x"
            return {"LoggingConfiguration": {"LogDestinationConfigs": [group]}}
        if operation == "PutLogEvents":
            assert payload["logGroupName"] == "aws-waf-logs-x"
            self.log_events += payload["logEvents"]
            return {}
        if operation == "PutMetricData":
            assert payload["Namespace"] == "AWS/WAFV2"
            self.metrics += payload["MetricData"]
            return {}
        assert operation == "CreateLogStream", f"{service} {target}"
        return {}


class Stages:
    async def find(self, name: str) -> Stage | None:
        return STAGE if name == "prod" else None


def arrival(address: str = "127.0.0.1") -> Arrival:
    return Arrival(
        method="POST",
        path="/webhook/stripe",
        query="",
        headers=CIMultiDictProxy(CIMultiDict({"Stripe-Signature": "t=1,v1=secret"})),
        body=b"{}",
        source_ip=address,
        stage=STAGE,
        trace=receive(None, samples=False),
    )


def world(tmp_path: Path, *rules: dict[str, Any]) -> tuple[FakeEngine, WafDirectory, WafPublisher, WafGate]:
    engine: Any = FakeEngine(*rules)
    stages: Any = Stages()
    directory = WafDirectory(engine, stages, tmp_path / "waf.json")
    publisher = WafPublisher(engine)
    return engine, directory, publisher, WafGate(directory, publisher)


@in_loop
async def test_no_web_acl_means_no_gate(tmp_path: Path) -> None:
    """A stage without a web ACL lets everything pass."""
    engine, _, _, gate = world(tmp_path)
    engine.acl = None
    assert await gate.check(arrival()) is None


@in_loop
async def test_a_blocked_request_is_answered_as_aws_does(tmp_path: Path) -> None:
    """403 with {"message":"Forbidden"}, named in the access log, in samples and in the log, without its signature."""
    engine, _, publisher, gate = world(tmp_path, BLOCK_ALL)
    refusal = await gate.check(arrival())
    assert isinstance(refusal, Refusal)
    assert refusal.answer.status == 403
    assert refusal.answer.body == b'{"message":"Forbidden"}'
    assert refusal.context["wafResponseCode"] == "WAF_BLOCK"
    await publisher.flush(gate.ledgers)
    (event,) = engine.log_events
    record = json.loads(event["message"])
    assert record["terminatingRuleId"] == "path"
    assert "secret" not in event["message"]
    sums = {(p["MetricName"], p["Dimensions"][2]["Value"]): p["Value"] for p in engine.metrics}
    assert sums[("BlockedRequests", "pathMetric")] == 1
    wanted = {
        "WebAclArn": engine.acl["ARN"] if engine.acl else "",
        "RuleMetricName": "pathMetric",
        "TimeWindow": {"StartTime": time.time() - 60, "EndTime": time.time() + 1},
        "MaxItems": 10,
    }
    answer = await gate.sampled_requests(ApiCall("x", wanted, {}))
    assert answer.fields["PopulationSize"] == 1
    assert answer.fields["SampledRequests"][0]["Request"]["ClientIP"] == "127.0.0.1"


@in_loop
async def test_limited_keys_name_the_blocked_address_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GetRateBasedStatementManagedKeys lists the flooding address, not its neighbour."""
    moment = [time.monotonic()]
    monkeypatch.setattr("webhookctl.local.waf.gate.time.monotonic", lambda: moment[0])
    write_lag(tmp_path / "waf.json", 0)
    _, _, _, gate = world(tmp_path, RATE)
    for n in range(200):
        moment[0] += 0.1
        await gate.check(arrival("127.0.0.8"))
        if n % 50 == 0:
            assert await gate.check(arrival("127.0.0.9")) is None
    assert await gate.check(arrival("127.0.0.8")) is not None
    answer = await gate.managed_keys(ApiCall("x", {"WebACLName": "acl", "RuleName": "rate"}, {}))
    assert answer.fields["ManagedKeysIPV4"]["Addresses"] == ["127.0.0.8/32"]
    missing = await gate.managed_keys(ApiCall("x", {"WebACLName": "acl", "RuleName": "nope"}, {}))
    assert missing.status == 400


@in_loop
async def test_a_changed_web_acl_is_followed_and_counts_anew(tmp_path: Path) -> None:
    """A rule change takes effect without a restart, and the counters start at zero."""
    engine, directory, _, gate = world(tmp_path, RATE)
    await gate.check(arrival())
    before = directory.acls()[0]
    await directory._refresh(STAGE)
    assert directory.acls()[0] is before
    changed = json.loads(json.dumps(RATE))
    changed["Statement"]["RateBasedStatement"]["Limit"] = 20
    assert engine.acl is not None
    engine.acl["Rules"] = [changed]
    await directory._refresh(STAGE)
    assert directory.acls()[0] is not before


@in_loop
async def test_an_unmodelled_web_acl_is_said_not_skipped(tmp_path: Path) -> None:
    """A statement that can't be modelled answers 500 with its name."""
    geo = RATE | {"Statement": {"GeoMatchStatement": {"CountryCodes": ["US"]}}}
    _, _, _, gate = world(tmp_path, geo)
    refusal = await gate.check(arrival())
    assert isinstance(refusal, Refusal)
    assert refusal.answer.status == 500
    assert b"GeoMatchStatement" in refusal.answer.body


@in_loop
async def test_a_web_acl_of_another_shape_is_said_and_followed_on(tmp_path: Path) -> None:
    """What no client could have sent is refused as well, in JSON, and a later change is taken up."""
    engine, directory, _, gate = world(tmp_path, BLOCK_ALL | {"Statement": {"NotStatement": {"Statement": '"'}}})
    refusal = await gate.check(arrival())
    assert isinstance(refusal, Refusal)
    assert refusal.answer.status == 500
    assert "does not model" in json.loads(refusal.answer.body)["message"]
    assert engine.acl is not None
    engine.acl["Rules"] = []
    await directory._refresh(STAGE)
    assert await gate.check(arrival()) is None


def test_the_lag_is_what_was_chosen(tmp_path: Path) -> None:
    """A missing or broken profile means AWS's usual lag."""
    assert read_lag(tmp_path / "waf.json") == 30
    write_lag(tmp_path / "waf.json", 10)
    assert read_lag(tmp_path / "waf.json") == 10
    (tmp_path / "waf.json").write_text("broken")
    assert read_lag(tmp_path / "waf.json") == 30

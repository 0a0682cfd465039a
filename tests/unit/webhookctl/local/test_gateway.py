import asyncio
import json
from typing import Any
from unittest import mock

import pytest
from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from webhookctl.local.exchange import Answer, Arrival, Exchange, Passage, Refusal, message
from webhookctl.local.gateway import Gateway, lacks_concurrency, normalise
from webhookctl.local.stage_directory import Stage


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (502, {"errorMessage": "secret", "errorType": "KeyError"}, 502),
        (502, {"message": '{"errorMessage": "secret"}'}, 502),
        (500, {"message": "'NoneType' object is not subscriptable"}, 500),
    ],
)
def test_the_engines_own_errors_show_nothing(status: int, body: dict[str, str], expected: int) -> None:
    """Internal server error, as API Gateway says it."""
    answer = normalise(Answer(status, CIMultiDict(), json.dumps(body).encode()))
    assert (answer.status, json.loads(answer.body)) == (expected, {"message": "Internal server error"})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"message": "ok"}'),
        (503, b'{"message": "try again"}'),
        (429, b'{"message": "Too Many Requests"}'),
        (403, b'{"message":"Missing Authentication Token"}'),
        (500, b"not json"),
        (502, b"[1]"),
    ],
)
def test_other_answers_pass_unchanged(status: int, body: bytes) -> None:
    """The Lambda's answers and the gateway responses that are right already."""
    answer = Answer(status, CIMultiDict({"X": "1"}), body)
    assert normalise(answer) is answer


def test_a_function_without_a_free_process_is_told_from_a_throttled_stage() -> None:
    """The first is waited for, the second is the client's business."""
    reason = b'{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded"}'
    assert lacks_concurrency(Answer(429, CIMultiDict(), reason))
    assert not lacks_concurrency(Answer(429, CIMultiDict(), b'{"message": "Too Many Requests"}'))
    assert not lacks_concurrency(Answer(200, CIMultiDict(), reason))


class Observed:
    """Remembers the exchanges that it is told of."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def completed(self, exchange: Exchange) -> None:
        """Take note."""
        self.exchanges.append(exchange)


class Deciding:
    """A gate that gives one verdict, or breaks."""

    def __init__(self, verdict: Refusal | Passage | Exception) -> None:
        self._verdict = verdict

    async def check(self, arrival: Arrival) -> Refusal | Passage | None:
        """Give it."""
        assert arrival.path == "/stripe"
        if isinstance(self._verdict, Exception):
            raise self._verdict
        return self._verdict


class OneStage:
    """A stage directory with one stage."""

    async def find(self, name: str) -> Stage:
        """Return it."""
        return Stage(
            name=name,
            api_id="a",
            api_name="api",
            created_at=0,
            access_log_group=None,
            access_log_format=None,
            traces=False,
        )


def through(*verdicts: Refusal | Passage | Exception) -> tuple[int, Exchange]:
    """Send a request through gates with these verdicts; return the status and what the observer was told."""
    unused: Any = None
    stages: Any = OneStage()
    observed = Observed()

    async def send() -> int:
        gateway = Gateway(
            unused, "", stages, gates=[Deciding(v) for v in verdicts], observers=[observed], workers=1, port=1
        )
        payload = StreamReader(mock.Mock(_reading_paused=False), 2**16)
        payload.feed_data(b"{}")
        payload.feed_eof()
        answer = await gateway.handle(make_mocked_request("POST", "/prod/stripe", payload=payload))
        return answer.status

    status = asyncio.run(send())
    (exchange,) = observed.exchanges
    return status, exchange


def test_a_gate_that_breaks_lets_nothing_through_and_is_observed() -> None:
    """500 in the gateway's own form, and the access log and the metrics learn of it."""
    status, exchange = through(KeyError("gate"))
    assert status == 500
    assert exchange.answer.body == b'{"message":"Internal server error"}'
    assert exchange.integration_latency_s is None


def test_headers_that_a_gate_adds_are_seen_behind_it() -> None:
    """They take the place of the client's own, and a later gate's refusal still counts."""
    refusal = Refusal(message(403, "Forbidden"), {"waf.status": "403"})
    status, exchange = through(Passage({"x-amzn-waf-seen": "yes"}), refusal)
    assert status == 403
    assert exchange.arrival.headers.getall("X-Amzn-Waf-Seen") == ["yes"]
    assert exchange.context == {"waf.status": "403"}

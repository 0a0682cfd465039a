"""Who gives up first: an AWS call, then the function, then the provider; never the other way round."""

import inspect
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from lambdas.processor.handler import RECORD_BUDGET_S
from lambdas.shared import aws, deadline
from lambdas.shared.errors import UnavailableError
from lambdas.shared.providers import paypal_fetch
from lambdas.shared.webhook import Status
from stack import limits, outputs
from tests.fakes_aws import FakeAws, Fault, no_waiting
from tests.fakes_trip import Trip, paypal_body, stripe_body
from tests.stack.template import Template

PROVIDERS_WAIT_S = 10
"""The shortest that is documented: developer.squareup.com/docs/webhooks/overview. Stripe and PayPal name none."""
GATEWAY_WAITS_S = 29
"""API Gateway's integration timeout."""
COLD_START_S = 1.0
"""What a new execution environment takes before the function's own time begins: its imports are 0.3 s on a laptop."""
MIXED = (Fault.SLOW, Fault.LOST, Fault.KEY_THROTTLED)


def test_the_receiver_answers_before_the_first_provider_gives_up(dev: Template) -> None:
    """Its time is below Square's ten seconds and API Gateway's own."""
    receiver = dev.function(outputs.receiver_name("dev"))
    assert receiver["Timeout"] == limits.RECEIVER_TIMEOUT_S < PROVIDERS_WAIT_S < GATEWAY_WAITS_S


def test_a_cold_start_still_leaves_time_to_answer() -> None:
    """Lambda counts it beside the timeout: the last try's end and the start together are below Square's ten seconds."""
    assert COLD_START_S + limits.RECEIVER_TIMEOUT_S - deadline.ANSWER_S < PROVIDERS_WAIT_S


@pytest.mark.parametrize("client", [aws.dynamodb, aws.sqs, aws.secretsmanager], ids=lambda client: client.__name__)
def test_an_aws_call_gives_up_before_its_function_must(
    client: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every client has the short timeouts; the worst call leaves time to answer."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    config = vars(inspect.unwrap(client)().meta.config)
    assert (config["connect_timeout"], config["read_timeout"]) == (aws.CONNECT_TIMEOUT_S, aws.READ_TIMEOUT_S)
    assert config["retries"]["total_max_attempts"] == aws.ATTEMPTS
    assert aws.ATTEMPTS * (aws.CONNECT_TIMEOUT_S + aws.READ_TIMEOUT_S) < aws.CALL_BUDGET_S < limits.RECEIVER_TIMEOUT_S


@pytest.mark.parametrize("client", [aws.dynamodb, aws.sqs, aws.secretsmanager], ids=lambda client: client.__name__)
def test_no_client_begins_a_try_that_may_outlast_the_function(
    client: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent once a connection, an answer and our own answer might not fit any more."""
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "us-east-1")
    real = inspect.unwrap(client)()
    late = aws.CONNECT_TIMEOUT_S + aws.READ_TIMEOUT_S + deadline.ANSWER_S - 0.01
    call = {"dynamodb": "list_tables", "sqs": "list_queues", "secretsmanager": "list_secrets"}
    with deadline.within(lambda: late), pytest.raises(UnavailableError) as refused:
        getattr(real, call[real.meta.service_model.service_name])()
    assert refused.value.reason == "out_of_time"


def test_the_processor_has_time_for_a_message_that_it_begins(dev: Template) -> None:
    """A read and a write at their worst fit into what must be left, and that into its timeout."""
    processor = dev.function(outputs.processor_name("dev"))
    assert 2 * aws.CALL_BUDGET_S <= RECORD_BUDGET_S < processor["Timeout"] == limits.PROCESSOR_TIMEOUT_S


def test_paypals_own_calls_are_not_begun_too_late() -> None:
    """A certificate or a question to its API waits for the next delivery rather than for the function's end."""
    ends = paypal_fetch.STAGES * paypal_fetch.TIMEOUT_S + deadline.ANSWER_S
    assert ends < limits.RECEIVER_TIMEOUT_S
    with deadline.within(lambda: ends - 0.01), pytest.raises(UnavailableError) as refused:
        paypal_fetch.fetch("https://api.paypal.com/v1/notifications/certs/CERT-1")
    assert refused.value.reason == "out_of_time"


@pytest.mark.parametrize(("provider", "body"), [("stripe", stripe_body), ("paypal", paypal_body)])
def test_with_every_call_at_its_slowest_the_answer_is_still_in_time(
    provider: str, body: Callable[[str], bytes]
) -> None:
    """All of AWS answers too late at once: 503 within the receiver's own time, so nothing is acknowledged."""
    account = FakeAws()
    with no_waiting(account.clock):
        trip = Trip(aws=account)
        assert trip.send(body("warm"), provider=provider) == 200  # the secret is cached
        account.fault_for = lambda _: Fault.SLOW
        started = account.clock()
        assert trip.send(body("late"), provider=provider) == 503
        assert 0 < account.clock() - started < limits.RECEIVER_TIMEOUT_S


def test_whatever_mix_of_faults_a_delivery_meets_the_answer_is_in_time() -> None:
    """The secret, the item and the message, each slow, unreachable or with a throttled key, in any order."""
    account = FakeAws()
    with no_waiting(account.clock):
        trip = Trip(aws=account)
        for n, faults in enumerate(itertools.product(MIXED, repeat=4)):
            trip.cold()
            account.fault_for = _in_turn(faults)
            started = account.clock()
            assert trip.send(stripe_body(f"mixed_{n}")) in (200, 503), faults
            assert account.clock() - started < limits.RECEIVER_TIMEOUT_S, faults


def _in_turn(faults: Iterable[Fault]) -> Callable[[str], Fault | None]:
    left = iter(faults)
    return lambda _: next(left, None)


def test_a_throttled_key_is_not_tried_again_without_time() -> None:
    """A slow put, then a slow send with a throttled key: 503 before Lambda ends the function."""
    account = FakeAws()
    with no_waiting(account.clock):
        trip = Trip(aws=account)
        assert trip.send(stripe_body("warm")) == 200
        account.script("PutItem", Fault.SLOW)
        account.script("SendMessage", Fault.SLOW, *[Fault.KEY_THROTTLED] * 3)
        started = account.clock()
        assert trip.send(stripe_body("late")) == 503
        assert account.clock() - started < limits.RECEIVER_TIMEOUT_S
        assert trip.stored("stripe:late").status is Status.RECEIVED

"""Who gives up first: an AWS call, then the function, then the provider; never the other way round."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.processor.handler import RECORD_BUDGET_S
from lambdas.shared import aws
from stack import limits, outputs
from tests.fakes_aws import FakeAws, Fault, no_waiting
from tests.fakes_trip import Trip, paypal_body, stripe_body
from tests.stack.template import Template

PROVIDERS_WAIT_S = 10
"""The shortest that is documented: developer.squareup.com/docs/webhooks/overview. Stripe and PayPal name none."""
GATEWAY_WAITS_S = 29
"""API Gateway's integration timeout."""


def test_the_receiver_answers_before_the_first_provider_gives_up(dev: Template) -> None:
    """Its time is below Square's ten seconds and API Gateway's own."""
    receiver = dev.function(outputs.receiver_name("dev"))
    assert receiver["Timeout"] == limits.RECEIVER_TIMEOUT_S < PROVIDERS_WAIT_S < GATEWAY_WAITS_S


@pytest.mark.parametrize("client", [aws.dynamodb, aws.sqs, aws.secretsmanager], ids=lambda client: client.__name__)
def test_an_aws_call_gives_up_before_its_function_must(
    client: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every client has the short timeouts; the worst call leaves time to answer."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    config = vars(inspect.unwrap(client)().meta.config)
    assert (config["connect_timeout"], config["read_timeout"]) == (aws.CONNECT_TIMEOUT_S, aws.READ_TIMEOUT_S)
    assert config["retries"]["total_max_attempts"] == aws.ATTEMPTS
    assert aws.ATTEMPTS * aws.READ_TIMEOUT_S < aws.CALL_BUDGET_S < limits.RECEIVER_TIMEOUT_S


def test_the_processor_has_time_for_a_message_that_it_begins(dev: Template) -> None:
    """A read and a write at their worst fit into what must be left, and that into its timeout."""
    processor = dev.function(outputs.processor_name("dev"))
    assert 2 * aws.CALL_BUDGET_S <= RECORD_BUDGET_S < processor["Timeout"] == limits.PROCESSOR_TIMEOUT_S


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

"""API Gateway proxy event in, HTTP answer out: everything between the wire and `receive`."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Protocol

from lambdas.receiver.event import read_headers, read_request
from lambdas.receiver.receive import Receipt, Receiver
from lambdas.shared import aws, deadline
from lambdas.shared.card_data import mask
from lambdas.shared.clock import utc_now
from lambdas.shared.errors import (
    MalformedError,
    TooLargeError,
    UnavailableError,
    UnknownProviderError,
    VerificationError,
    WebhookError,
)
from lambdas.shared.event_store import EventStore
from lambdas.shared.logging import WideLog, metric
from lambdas.shared.providers import PROVIDERS, Options, get_provider
from lambdas.shared.providers.base import ProviderSecret
from lambdas.shared.queue import ProcessingQueue
from lambdas.shared.secret_store import SecretStore
from lambdas.shared.settings import ReceiverSettings
from lambdas.shared.tracing import AwsCall, Span, TraceHeader, incoming, span
from lambdas.shared.webhook import WebhookRequest

FUNCTION = "webhook-receiver"
RETRY_AFTER_S = 30
OK, UNAVAILABLE = 200, 503
MAX_USER_AGENT = 120
TEST_HEADER = "x-webhookctl-test"
"""What `webhookctl send` adds to its requests, so that its own webhooks don't pass for a provider's traffic."""

ANSWERS: dict[type[WebhookError], tuple[int, str]] = {
    UnknownProviderError: (404, "unknown provider"),
    VerificationError: (401, "signature not verified"),
    MalformedError: (400, "malformed request"),
    TooLargeError: (413, "body too large"),
    UnavailableError: (UNAVAILABLE, "try again"),
}
"""What the sender is told. Why, exactly, stands in our log only: an attacker learns nothing from it."""
REFUSALS = tuple(cls for cls, (status, _) in ANSWERS.items() if status != UNAVAILABLE)
"""What is the sender's doing: an error in the trace, not a fault of ours."""


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends this invocation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What outlives one invocation: settings, and clients with their caches."""

    settings: ReceiverSettings
    secrets: SecretStore[ProviderSecret]
    events: EventStore
    queue: ProcessingQueue
    log: WideLog


def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one webhook delivery: 200, 400, 401, 404, 413 or 503."""
    return respond(event, context, environment=_environment())


def respond(event: Mapping[str, Any], context: LambdaContext, *, environment: Environment) -> dict[str, Any]:
    """Answer with the given collaborators. Never raises, so that the sender always gets one of our answers."""
    started = utc_now()
    settings = environment.settings
    line: dict[str, Any] = {"type": "webhook", "provider": "unknown"}
    try:
        headers = read_headers(event)
        header = incoming(headers.get("x-amzn-trace-id"))
        request = read_request(event, received_at=started, trace_id=header.root, max_body_bytes=settings.max_body_bytes)
        line["provider"] = _known(request.provider)
        receipt = _receive(request, header, context, environment=environment)
        line |= _outcome_fields(receipt, header) | {"test": TEST_HEADER in headers or None}
        answer = _answer(OK, {"received": True, "webhookId": receipt.webhook.webhook_id, "outcome": receipt.outcome})
    except WebhookError as error:
        status, message = next(known for cls, known in ANSWERS.items() if isinstance(error, cls))
        line |= {
            "outcome": "unavailable" if isinstance(error, UnavailableError) else "refused",
            "reason": error.reason,
            "error": str(error),
        }
        answer = _answer(status, {"message": message})
    except Exception as error:  # noqa: BLE001 - the edge: an unforeseen error is a 503, so the provider delivers again
        line |= {"outcome": "unavailable", "reason": "internal_error", "error": type(error).__name__}
        answer = _answer(UNAVAILABLE, {"message": "try again"})
    if answer["statusCode"] != OK:
        line |= {"status": answer["statusCode"], **_sender_fields(event)}
    line["durationMs"] = _milliseconds_since(started)
    line |= metric("Webhooks", 1, dimensions=("outcome", "provider"), at=started)
    environment.log.write(line, at=utc_now(), level="ERROR" if answer["statusCode"] == UNAVAILABLE else "INFO")
    return answer


def _receive(
    request: WebhookRequest, header: TraceHeader, context: LambdaContext, *, environment: Environment
) -> Receipt:
    settings = environment.settings
    receiver = Receiver(
        get_provider=partial(get_provider, options=Options(allow_test_ca=settings.allow_test_ca)),
        secrets=_ProviderSecrets(environment.secrets, settings.secret_arns),
        events=environment.events,
        queue=environment.queue,
        now=utc_now,
        max_body_bytes=settings.max_body_bytes,
        retention=timedelta(days=settings.retention_days),
        refuses_outlived=settings.refuse_outlived,
    )
    calls = {
        "store": AwsCall.table("PutItem", settings.table_name),
        "enqueue": AwsCall.queue("SendMessage", settings.queue_url),
    }
    is_bounded = deadline.within(lambda: context.get_remaining_time_in_millis() / 1000)
    name = f"{FUNCTION}-{settings.environment}"
    with is_bounded, span(name, header, calls=calls, refusals=REFUSALS) as trace:
        trace.annotate(provider=_known(request.provider))
        try:
            receipt = receiver.receive(request, trace)
        except WebhookError as error:
            _annotate_refusal(trace, error)
            raise
        trace.annotate(outcome=receipt.outcome.value)
        return receipt


def _known(provider: str) -> str:
    """Return a provider's name, never what a stranger wrote into the path: it could be a card number."""
    return provider if provider in PROVIDERS else "unknown"


def _annotate_refusal(trace: Span, error: WebhookError) -> None:
    trace.annotate(outcome="unavailable" if isinstance(error, UnavailableError) else "refused", reason=error.reason)


def _outcome_fields(receipt: Receipt, header: TraceHeader) -> dict[str, Any]:
    """Say which webhook it is and which key proved it; type, size and trace stand in its item and its audit line.

    `trace show --logs` finds the lines of a trace by its id, and X-Ray has those that are sampled only.
    """
    webhook = receipt.webhook
    return {
        "outcome": receipt.outcome.value,
        "webhookId": webhook.webhook_id,
        "traceId": header.root if header.is_sampled else None,
        "keyId": receipt.key_id,
        "redactions": webhook.redactions,
    }


def _sender_fields(event: Mapping[str, Any]) -> dict[str, Any]:
    """Say of a request that left no item whose it was; the access log has its address by the same trace."""
    headers = read_headers(event)
    body = event.get("body")
    return {
        "traceId": incoming(headers.get("x-amzn-trace-id")).root,
        "userAgent": mask(headers.get("user-agent", ""))[:MAX_USER_AGENT] or None,  # cut first, a part would stay
        "eventBytes": len(body) if isinstance(body, str) else None,
    }


def _answer(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    if status == UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return {"statusCode": status, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}


def _milliseconds_since(started: datetime) -> int:
    return round((utc_now() - started).total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class _ProviderSecrets:
    store: SecretStore[ProviderSecret]
    arns: Mapping[str, str]

    def get(self, provider: str) -> ProviderSecret:
        return self.store.get(self._arn(provider))

    def refresh(self, provider: str) -> ProviderSecret | None:
        return self.store.refresh(self._arn(provider))

    def _arn(self, provider: str) -> str:
        """Return the secret's ARN; a provider that is registered but has none in this stack is unknown here."""
        try:
            return self.arns[provider]
        except KeyError:
            raise UnknownProviderError(f"this stack has no secret for {provider!r}") from None


@cache
def _environment() -> Environment:
    settings = ReceiverSettings.from_environ(os.environ)
    return Environment(
        settings=settings,
        secrets=SecretStore(aws.secretsmanager(), ProviderSecret.from_json),
        events=EventStore(aws.dynamodb(), settings.table_name),
        queue=ProcessingQueue(aws.sqs(), settings.queue_url),
        log=WideLog(environment=settings.environment, level=settings.log_level),
    )

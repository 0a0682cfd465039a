"""Resending: the stored bytes, signed anew."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes_sender import NOW, FakeStack, at, targets
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.dispatch import Sender
from webhookctl.core.send.resend import drafts_of
from webhookctl.errors import NotFoundError, UsageError


def stack_with(provider: str) -> tuple[FakeStack, str]:
    stack = FakeStack()
    sent = Sender(targets=targets(), transport=stack, now=at(NOW)).deliver(
        compose(Recipe(provider=provider), ids=IdSource(1), now=at(NOW))
    )
    return stack, sent.webhook_id or ""


@pytest.mark.parametrize("provider", ["stripe", "paypal", "square"])
def test_a_resent_webhook_is_accepted_long_after(provider: str) -> None:
    """Body and id are the old ones; time and signature are new, so that ten days do not matter."""
    stack, webhook_id = stack_with(provider)
    (again,) = drafts_of([webhook_id, webhook_id], stack)
    assert again.body == stack.stored[webhook_id].body
    later = at(NOW + timedelta(days=10))
    stack.now = later
    done = Sender(targets=targets(), transport=stack, now=later).deliver(again)
    assert (done.status, done.webhook_id) == (200, webhook_id)
    assert len(stack.stored) == 1


def test_one_unknown_id_sends_nothing() -> None:
    """All ids are looked up before anything is sent."""
    stack, webhook_id = stack_with("stripe")
    with pytest.raises(NotFoundError, match="stripe:evt_missing"):
        drafts_of([webhook_id, "stripe:evt_missing"], stack)


def test_a_redacted_body_needs_consent() -> None:
    """A body whose card data was taken out is not what the provider sent."""
    stack, webhook_id = stack_with("square")
    stack.stored[webhook_id] = replace(stack.stored[webhook_id], redactions=1)
    with pytest.raises(UsageError, match="had card data"):
        drafts_of([webhook_id], stack)
    assert len(drafts_of([webhook_id], stack, allow_redacted=True)) == 1

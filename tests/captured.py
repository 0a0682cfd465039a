"""Requests as an operator captured them, signed for real, and what `verify explain` says of them."""

from lambdas.shared.providers.base import ProviderSecret
from tests.fakes_sender import NOW, SQUARE_URL, at, secret_of
from webhookctl.core.explain.capture import Captured
from webhookctl.core.explain.verdict import Explanation, explain
from webhookctl.core.samples.ids import IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.request import Target, sign


def signed(provider: str, body: bytes | None = None, secret: ProviderSecret | None = None) -> Captured:
    item = compose(Recipe(provider=provider, body=body), ids=IdSource(1), now=at(NOW))
    outgoing = sign(item, Target(url=SQUARE_URL, secret=secret or secret_of(provider)), at=NOW)
    return Captured(headers=outgoing.headers, body=outgoing.body)


def verdict(captured: Captured, provider: str, **more: object) -> Explanation:
    return explain(captured, secret_of(provider), **{"at": NOW, **more})  # type: ignore[arg-type]

"""A retry storm: each webhook is delivered several times, at once and late.

Every delivery is acknowledged, each event takes effect once (the proof after the run counts effects).
"""

import random
from collections.abc import Sequence
from typing import Final

from locust import task

from loadtests.bodies import fresh_body
from loadtests.bounds import Bound, answered
from loadtests.observations import Observations
from loadtests.run import Run
from loadtests.settings import Load, LoadSettings
from loadtests.user import WebhookUser, users_for

RATE_RPS: Final = 40.0
DELIVERIES: Final = 4
ADDRESSES: Final = tuple(f"127.0.2.{n}" for n in range(1, 11))


def judge(seen: Observations, _: LoadSettings) -> Sequence[Bound]:
    """Return this scenario's bounds."""
    deliveries, webhooks = seen.count(role="retries", status=200), len(seen.acknowledged())
    return [
        answered(seen, "retries", (200,)),
        Bound(
            name="the storm repeats itself",
            law="each webhook is delivered more than twice on average",
            measured=f"{deliveries} deliveries of {webhooks} webhooks",
            value=round(deliveries / webhooks, 2) if webhooks else None,
            at_least=2.0,
        ),
    ]


LOAD = Load(name="duplicates", rate_rps=RATE_RPS, duration_s=45.0)
RUN = Run(LOAD, judge=judge, users=users_for(RATE_RPS))


class Retries(WebhookUser):
    """Sends the same bytes again and again, re-signed each time as providers do."""

    run_state, role, addresses, rate_rps = RUN, "retries", ADDRESSES, RATE_RPS
    takes_rate = True
    fixed_count = users_for(RATE_RPS)
    recent: tuple[tuple[str, str, bytes], ...] = ()

    @task
    def turn(self) -> None:
        """Send a new webhook once in so many turns, and one of the last few again in the others."""
        if not self.recent or random.random() < 1 / DELIVERIES:
            provider = random.choice(self.run_state.signer.providers)
            type(self).recent = (*self.recent[-7:], (provider, *fresh_body(provider)))
        provider, event_id, body = random.choice(self.recent)
        self.send(provider, event_id, body, self.run_state.signer.headers(provider, body))

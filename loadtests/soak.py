"""Hours of ordinary traffic: mixed providers, some duplicates, some forgeries, from many addresses."""

import random
from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Final

from locust import task

from loadtests.bodies import fresh_body
from loadtests.bounds import Bound, answered
from loadtests.observations import Observations
from loadtests.run import Run
from loadtests.settings import Load, LoadSettings
from loadtests.user import WebhookUser, users_for

RATE_RPS: Final = 60.0
FORGED_RPS: Final = 1.0
ADDRESSES: Final = tuple(f"127.0.5.{n}" for n in range(1, 21))


def judge(seen: Observations, _: LoadSettings) -> Sequence[Bound]:
    """Return this scenario's bounds."""
    return [answered(seen, "traffic", (200,)), answered(seen, "forger", (401,))]


LOAD = Load(name="soak", rate_rps=RATE_RPS, others_rps=FORGED_RPS, duration_s=1800.0)
RUN = Run(LOAD, judge=judge, users=users_for(RATE_RPS) + 1)


class Traffic(WebhookUser):
    """The providers, with the odd duplicate."""

    run_state, role, addresses, rate_rps = RUN, "traffic", ADDRESSES, RATE_RPS
    takes_rate = True
    fixed_count = users_for(RATE_RPS)
    recent: ClassVar[deque[tuple[str, str, bytes]]] = deque(maxlen=50)

    @task
    def turn(self) -> None:
        """Send a webhook, one in ten for the second time."""
        if self.recent and random.random() < 0.1:  # noqa: PLR2004
            provider, event_id, body = random.choice(self.recent)
        else:
            provider = random.choice(self.run_state.signer.providers)
            event_id, body = fresh_body(provider)
            self.recent.append((provider, event_id, body))
        self.send(provider, event_id, body, self.run_state.signer.headers(provider, body))


class Forger(WebhookUser):
    """Somebody who tries."""

    run_state, role, address, rate_rps = RUN, "forger", "127.0.5.99", FORGED_RPS
    fixed_count = 1
    expects = (401,)

    @task
    def turn(self) -> None:
        """Send one forgery."""
        self.send_forged()

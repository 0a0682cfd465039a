"""A calm day: all providers mixed at a steady rate below the limit of each address; everything is acknowledged."""

from collections.abc import Sequence
from typing import Final

from locust import task

from loadtests.bounds import Bound, answered, never_blocked
from loadtests.observations import Observations
from loadtests.run import Run
from loadtests.settings import Load, LoadSettings
from loadtests.user import WebhookUser, users_for

RATE_RPS: Final = 40.0
ADDRESSES: Final = tuple(f"127.0.1.{n}" for n in range(1, 11))
"""Ten addresses share the rate, so that each stays under the limit."""


def judge(seen: Observations, settings: LoadSettings) -> Sequence[Bound]:
    """Return this scenario's bounds."""
    why = f"each address stays under {settings.limit} in {settings.window_s} s"
    return [answered(seen, "steady", (200,)), never_blocked(seen, "steady", why)]


LOAD = Load(name="steady", rate_rps=RATE_RPS, duration_s=60.0)
RUN = Run(LOAD, judge=judge, users=users_for(RATE_RPS))


class Steady(WebhookUser):
    """One of the providers' senders."""

    run_state, role, addresses, rate_rps = RUN, "steady", ADDRESSES, RATE_RPS
    takes_rate = True
    fixed_count = users_for(RATE_RPS)

    @task
    def turn(self) -> None:
        """Send one webhook."""
        self.send_fresh()

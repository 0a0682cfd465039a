"""The product's limit: 10 requests a second per address, as AWS WAF enforces it.

Five addresses at once: one well below the limit, one just above it, one far above it that later falls silent, a
neighbour, and one of the provider allow-list where the environment has such a list. Run it by
`webhookctl load run rate_limit` or as plain Locust: `locust -f loadtests/rate_limit.py --host URL --secrets FILE`.
"""

from locust import task
from locust.exception import StopUser

from loadtests.rate_limit_bounds import (
    ABOVE_RPS,
    BELOW_RPS,
    JUST_ABOVE_RPS,
    NEIGHBOUR_RPS,
    PROVIDER_RPS,
    judge,
)
from loadtests.run import Run
from loadtests.user import AboveTheLimit, WebhookUser, users_for

ABOVE_USERS, JUST_ABOVE_USERS = users_for(ABOVE_RPS), users_for(JUST_ABOVE_RPS)
AWAITED = ABOVE_USERS + JUST_ABOVE_USERS
RUN = Run(
    "rate_limit",
    judge=judge,
    rate_rps=ABOVE_RPS,
    users=AWAITED + users_for(BELOW_RPS) + users_for(NEIGHBOUR_RPS) + users_for(PROVIDER_RPS),
    duration_s=150.0,
    lags=2,
    awaits=AWAITED,
)


class Below(WebhookUser):
    """Under the limit all the time."""

    run_state, role, address, rate_rps = RUN, "below", "127.0.0.11", BELOW_RPS
    fixed_count = users_for(BELOW_RPS)

    @task
    def turn(self) -> None:
        """Send one webhook."""
        self.send_fresh()


class Neighbour(WebhookUser):
    """Another address beside the flood."""

    run_state, role, address, rate_rps = RUN, "neighbour", "127.0.0.13", NEIGHBOUR_RPS
    fixed_count = users_for(NEIGHBOUR_RPS)

    @task
    def turn(self) -> None:
        """Send one webhook."""
        self.send_fresh()


class Provider(WebhookUser):
    """A provider whose address is on the WAF's allow-list; absent where the environment has no such list."""

    run_state, role, address, rate_rps = RUN, "provider", "", PROVIDER_RPS
    fixed_count = users_for(PROVIDER_RPS)

    def source(self) -> str:
        """Send from the allow-listed address."""
        return self.run_state.settings.provider_address or "127.0.0.1"

    def on_start(self) -> None:
        """End at once where there is no allow-list."""
        if not self.run_state.settings.provider_address:
            raise StopUser
        super().on_start()

    @task
    def turn(self) -> None:
        """Send one webhook."""
        self.send_fresh()


class JustAbove(AboveTheLimit):
    """Half as much again as the limit: what tells a limit of 10/s from one of 20/s."""

    run_state, role, address, rate_rps = RUN, "just_above", "127.0.0.14", JUST_ABOVE_RPS
    fixed_count = JUST_ABOVE_USERS
    is_probing = False
    hold_s = 3.0


class Above(AboveTheLimit):
    """Far above the limit, then silent, then probing."""

    run_state, role, address, rate_rps = RUN, "above", "127.0.0.12", ABOVE_RPS
    fixed_count = ABOVE_USERS
    takes_rate = True

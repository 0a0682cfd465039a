"""The product's limit: 10 requests a second per address, as AWS WAF enforces it.

Five addresses at once: one well below the limit, one just above it, one far above it that later falls silent, a
neighbour, and one of the provider allow-list where the environment has such a list. Beyond this machine there is one
address only: the one below the limit comes first, then, after a pause, the flood. Run it by
`webhookctl load run rate_limit` or as plain Locust: `locust -f loadtests/rate_limit.py --host URL --secrets FILE`.
"""

from locust import task
from locust.exception import StopUser

from loadtests.rate_limit_bounds import (
    ABOVE_RPS,
    BELOW_RPS,
    BELOW_S,
    JUST_ABOVE_RPS,
    NEIGHBOUR_RPS,
    PAUSE_S,
    PROVIDER_RPS,
    below_ends_s,
    flood_starts_s,
    judge,
)
from loadtests.run import Run
from loadtests.settings import Load
from loadtests.user import AboveTheLimit, WebhookUser, users_for

ABOVE_USERS, JUST_ABOVE_USERS = users_for(ABOVE_RPS), users_for(JUST_ABOVE_RPS)
AWAITED = ABOVE_USERS + JUST_ABOVE_USERS
STEADY_USERS = 4 * users_for(BELOW_RPS), 4 * users_for(NEIGHBOUR_RPS), 2 * users_for(PROVIDER_RPS)
"""More than their rates need: they must keep it while the flood makes answers slow."""
LOAD = Load(
    name="rate_limit",
    rate_rps=ABOVE_RPS,
    others_rps=JUST_ABOVE_RPS + BELOW_RPS + NEIGHBOUR_RPS + PROVIDER_RPS,
    duration_s=150.0,
    lags=2,
    from_one_address="in_sequence",
    sequence_s=BELOW_S + PAUSE_S,
    sequence_lags=1,
)
RUN = Run(LOAD, judge=judge, users=AWAITED + sum(STEADY_USERS), awaits=AWAITED)


class Below(WebhookUser):
    """Under the limit all the time."""

    run_state, role, address, rate_rps = RUN, "below", "127.0.0.11", BELOW_RPS
    fixed_count = STEADY_USERS[0]
    catch_up_s = 5.0

    @task
    def turn(self) -> None:
        """Send one webhook; from the one address of all, make room for the flood in time."""
        settings = self.run_state.settings
        if settings.is_one_address and self.run_state.elapsed_s > below_ends_s(settings):
            raise StopUser
        self.send_fresh()


class Neighbour(WebhookUser):
    """Another address beside the flood."""

    run_state, role, address, rate_rps = RUN, "neighbour", "127.0.0.13", NEIGHBOUR_RPS
    fixed_count = STEADY_USERS[1]
    catch_up_s = 5.0

    @property
    def is_absent(self) -> bool:
        """Whether there is no other address."""
        return self.run_state.settings.is_one_address

    @task
    def turn(self) -> None:
        """Send one webhook."""
        if self.is_absent:
            raise StopUser
        self.send_fresh()


class Provider(WebhookUser):
    """A provider whose address is on the WAF's allow-list; absent where the environment has no such list."""

    run_state, role, address, rate_rps = RUN, "provider", "", PROVIDER_RPS
    fixed_count = STEADY_USERS[2]
    catch_up_s = 5.0

    def source(self) -> str:
        """Send from the allow-listed address."""
        return self.run_state.settings.provider_address or "127.0.0.1"

    @property
    def is_absent(self) -> bool:
        """Whether there is no allow-list, or no other address."""
        settings = self.run_state.settings
        return settings.is_one_address or not settings.provider_address

    @task
    def turn(self) -> None:
        """Send one webhook."""
        if self.is_absent:
            raise StopUser
        self.send_fresh()


class JustAbove(AboveTheLimit):
    """Half as much again as the limit: what tells a limit of 10/s from one of 20/s."""

    run_state, role, address, rate_rps = RUN, "just_above", "127.0.0.14", JUST_ABOVE_RPS
    fixed_count = JUST_ABOVE_USERS
    is_probing = False
    hold_s = 3.0

    @property
    def is_absent(self) -> bool:
        """Whether there is no other address."""
        return self.run_state.settings.is_one_address


class Above(AboveTheLimit):
    """Far above the limit, then silent, then probing."""

    run_state, role, address, rate_rps = RUN, "above", "127.0.0.12", ABOVE_RPS
    fixed_count = ABOVE_USERS
    takes_rate = True

    @property
    def starts_s(self) -> float:
        """Begin at once, or in turn where all leave from one address."""
        return flood_starts_s(self.run_state.settings)

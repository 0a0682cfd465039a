"""Bad signatures under load: each forgery is refused with 401 and nothing of it stored, while genuine webhooks pass."""

from collections.abc import Sequence
from typing import Final

from locust import task

from loadtests.bounds import Bound, answered
from loadtests.observations import Observations
from loadtests.run import Run
from loadtests.settings import Load, LoadSettings
from loadtests.user import WebhookUser, users_for

FORGED_RPS: Final = 30.0
GENUINE_RPS: Final = 10.0
FORGERS: Final = tuple(f"127.0.3.{n}" for n in range(1, 9))
SENDERS: Final = tuple(f"127.0.3.{n}" for n in range(101, 105))


def judge(seen: Observations, _: LoadSettings) -> Sequence[Bound]:
    """Return this scenario's bounds."""
    return [answered(seen, "forger", (401,)), answered(seen, "genuine", (200,))]


USERS = users_for(FORGED_RPS) + users_for(GENUINE_RPS)
LOAD = Load(name="forged", rate_rps=FORGED_RPS, others_rps=GENUINE_RPS, duration_s=45.0)
RUN = Run(LOAD, judge=judge, users=USERS)


class Forger(WebhookUser):
    """Signs one body and sends another."""

    run_state, role, addresses, rate_rps = RUN, "forger", FORGERS, FORGED_RPS
    takes_rate = True
    fixed_count = users_for(FORGED_RPS)
    expects = (401,)

    @task
    def turn(self) -> None:
        """Send one forgery."""
        self.send_forged()


class Genuine(WebhookUser):
    """The providers, going on as ever."""

    run_state, role, addresses, rate_rps = RUN, "genuine", SENDERS, GENUINE_RPS
    fixed_count = users_for(GENUINE_RPS)

    @task
    def turn(self) -> None:
        """Send one webhook."""
        self.send_fresh()

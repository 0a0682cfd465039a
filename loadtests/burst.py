"""A burst from many addresses: the stage answers 429 above its rate, and what was refused lands on retry.

No address comes near the WAF's limit. The bound is the bucket's: never more through than burst + rate x time.
`--stage-rate` and `--stage-burst` name the deployed limits (`webhookctl load run burst` reads them from the stage).
"""

import random
import time
from collections.abc import Sequence
from typing import Any, Final

from locust import events, task

from loadtests.bodies import fresh_body
from loadtests.bounds import Bound, answered, throttled_above_the_stage_limit
from loadtests.observations import THROTTLED, Observations
from loadtests.run import Run
from loadtests.settings import LoadSettings
from loadtests.user import WebhookUser, users_for
from stack.limits import STAGE_BURST_LIMIT, STAGE_RATE_LIMIT

BURST_RPS: Final = 160.0
ADDRESSES: Final = tuple(f"127.0.4.{n}" for n in range(1, 51))
MAX_TRIES: Final = 12
_stage = {"rate": float(STAGE_RATE_LIMIT), "burst": float(STAGE_BURST_LIMIT)}


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:  # noqa: ANN401 - Locust's own parser
    parser.add_argument("--stage-rate", type=float, env_var="LOAD_STAGE_RATE", default=float(STAGE_RATE_LIMIT))
    parser.add_argument("--stage-burst", type=float, env_var="LOAD_STAGE_BURST", default=float(STAGE_BURST_LIMIT))


@events.init.add_listener
def _read(environment: Any, **_: Any) -> None:  # noqa: ANN401
    _stage.update(rate=environment.parsed_options.stage_rate, burst=environment.parsed_options.stage_burst)


def judge(seen: Observations, settings: LoadSettings) -> Sequence[Bound]:
    """Return this scenario's bounds."""
    rate, burst = _stage["rate"], int(_stage["burst"])
    webhooks, landed = len({webhook for webhook, _ in seen.journal}), len(seen.acknowledged())
    bounds = [
        answered(seen, "burst", (200, THROTTLED)),
        throttled_above_the_stage_limit(seen, "burst", rate_rps=rate, burst=burst, offered=settings.rate_rps),
        Bound(
            name="what was refused lands on retry",
            law="every webhook is acknowledged in the end",
            measured=f"{landed} of {webhooks} webhooks",
            value=float(webhooks - landed) if webhooks else None,
            at_most=0,
        ),
    ]
    if settings.rate_rps > rate and settings.rate_rps * settings.duration_s > burst + rate * settings.duration_s:
        refused = seen.count(role="burst", status=THROTTLED)
        law = f"{settings.rate_rps:g}/s is above the stage's {rate:g}/s"
        bounds.append(
            Bound(name="the stage throttles", law=law, measured=f"{refused} x 429", value=float(refused), at_least=1)
        )
    return bounds


RUN = Run("burst", judge=judge, rate_rps=BURST_RPS, users=users_for(BURST_RPS) * 2, duration_s=45.0)


class Burst(WebhookUser):
    """Sends webhooks as fast as its share allows and retries what is throttled, with a growing pause."""

    run_state, role, addresses, rate_rps = RUN, "burst", ADDRESSES, BURST_RPS
    takes_rate = True
    fixed_count = users_for(BURST_RPS) * 2
    expects = (200, THROTTLED)

    @task
    def turn(self) -> None:
        """Send one webhook until it is taken; none starts in the last third, which is for retries."""
        if self.run_state.elapsed_s > self.run_state.settings.duration_s * 2 / 3:
            return
        provider = random.choice(self.run_state.signer.providers)
        event_id, body = fresh_body(provider)
        for attempt in range(MAX_TRIES):
            headers = self.run_state.signer.headers(provider, body)
            if self.send(provider, event_id, body, headers) != THROTTLED:
                return
            time.sleep(min(4.0, 0.2 * 2**attempt) * (0.5 + random.random()))

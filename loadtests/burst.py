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
from loadtests.bounds import Bound, answered, not_exercised, throttled_above_the_stage_limit
from loadtests.observations import THROTTLED, Observations
from loadtests.run import Run
from loadtests.settings import Load, LoadSettings
from loadtests.user import SERVER_ERROR, WebhookUser, users_for
from stack.limits import STAGE_BURST_LIMIT, STAGE_RATE_LIMIT

BURST_RPS: Final = 160.0
ADDRESSES: Final = tuple(f"127.0.4.{n}" for n in range(1, 51))
MAX_TRIES: Final = 12
SENDING_SHARE: Final = 2 / 3
"""For what share of the run new webhooks are sent; the rest is for retries."""
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
        throttled_above_the_stage_limit(seen, "burst", rate_rps=rate, burst=burst),
        Bound(
            name="what was refused lands on retry",
            law="every webhook is acknowledged in the end",
            measured=f"{landed} of {webhooks} webhooks",
            value=float(webhooks - landed) if webhooks else None,
            at_most=0,
        ),
    ]
    return [*bounds, _throttles(seen, settings, rate_rps=rate, burst=burst)]


def _throttles(seen: Observations, settings: LoadSettings, *, rate_rps: float, burst: int) -> Bound:
    """Return the bound that 429 was answered, as far as what was offered called for it."""
    name, refused = "the stage throttles", seen.count(role="burst", status=THROTTLED)
    sending_s = SENDING_SHARE * settings.duration_s
    offered = f"{settings.rate_rps:g}/s for {sending_s:.0f} s"
    if settings.rate_rps * sending_s <= burst + rate_rps * sending_s:
        law = f"above burst {burst} + {rate_rps:g}/s 429 is answered"
        return not_exercised(name, law, f"{offered} is less; --rate, or a lower throttle")
    law = f"{offered} is above the stage's burst {burst} + {rate_rps:g}/s"
    return Bound(name=name, law=law, measured=f"{refused} x 429", value=float(refused), at_least=1)


LOAD = Load(name="burst", rate_rps=BURST_RPS, duration_s=45.0, from_one_address="refused")
RUN = Run(LOAD, judge=judge, users=users_for(BURST_RPS) * 2)


class Burst(WebhookUser):
    """Sends webhooks as fast as its share allows and retries what is not taken, with a growing pause."""

    run_state, role, addresses, rate_rps = RUN, "burst", ADDRESSES, BURST_RPS
    takes_rate = True
    fixed_count = users_for(BURST_RPS) * 2
    expects = (200, THROTTLED)

    @task
    def turn(self) -> None:
        """Send one webhook until it is taken; none starts in the last part, which is for retries."""
        if self.run_state.elapsed_s > self.run_state.settings.duration_s * SENDING_SHARE:
            return
        provider = random.choice(self.run_state.signer.providers)
        event_id, body = fresh_body(provider)
        for attempt in range(MAX_TRIES):
            headers = self.run_state.signer.headers(provider, body)
            status = self.send(provider, event_id, body, headers)
            if status != THROTTLED and 0 < status < SERVER_ERROR:
                return
            time.sleep(min(4.0, 0.2 * 2**attempt) * (0.5 + random.random()))

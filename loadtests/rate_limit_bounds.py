"""What the rate-limit scenario offers, and the bounds on it. Imports no Locust, which would patch the process."""

from collections.abc import Sequence
from typing import Final

from loadtests.bounds import (
    SLACK_S,
    Bound,
    answered,
    blocked_in_time,
    never_blocked,
    not_exercised,
    offers_its_rate,
    stays_blocked,
    unblocked_in_time,
)
from loadtests.observations import BLOCKED, Observations
from loadtests.settings import LoadSettings
from stack.limits import WAF_CHECK_INTERVAL_S, WAF_WINDOW_S

ABOVE_RPS: Final = 25.0
JUST_ABOVE_RPS: Final = 15.0
BELOW_RPS: Final = 8.0
NEIGHBOUR_RPS: Final = 3.0
PROVIDER_RPS: Final = 14.0

PRODUCT_RPS: Final = 10.0
"""What the product promises an address; the configured limit must be that."""

WARM_UP_S: Final = 20.0
"""An intake that has slept answers its first requests slowly."""
ANSWERED_SHARE: Final = 0.99
"""The firewall is the subject: an intake may fail now and then as long as the retry lands, which the proof looks at."""
BELOW_S: Final = WARM_UP_S + WAF_WINDOW_S + WAF_CHECK_INTERVAL_S + SLACK_S
"""How long, and a lag more, `below` sends before the flood where all leave from one address: a late block would come
within it."""
PAUSE_S: Final = WAF_WINDOW_S + WAF_CHECK_INTERVAL_S
"""How long nothing is sent after it, so that the flood is counted from nothing."""


def below_ends_s(settings: LoadSettings) -> float:
    """Return when `below` ends and the pause before the flood begins, in seconds after the start."""
    return BELOW_S + settings.lag_s


def flood_starts_s(settings: LoadSettings) -> float:
    """Return when the flood begins, in seconds after the start: at once, or in its turn."""
    return below_ends_s(settings) + PAUSE_S if settings.is_one_address else 0.0


def judge(seen: Observations, settings: LoadSettings) -> Sequence[Bound]:
    """Return every bound of the scenario as it was kept or broken."""
    why = f"{BELOW_RPS:g}/s is under the limit of {settings.limit} in {settings.window_s} s"
    return [
        _is_the_products(settings),
        *_let_through(seen, "below", BELOW_RPS, why, settings),
        *_beside_the_flood(seen, settings),
        *blocked_in_time(seen, "above", settings),
        stays_blocked(seen, "above"),
        unblocked_in_time(seen, "above", settings),
        answered(seen, "above", (200, BLOCKED), share=ANSWERED_SHARE),
    ]


def _is_the_products(settings: LoadSettings) -> Bound:
    return Bound(
        name="the configured limit is the product's",
        law=f"{PRODUCT_RPS:g} requests/s per address",
        measured=f"{settings.limit} in {settings.window_s} s",
        value=settings.limit / settings.window_s,
        at_least=PRODUCT_RPS,
        at_most=PRODUCT_RPS,
    )


def _let_through(seen: Observations, role: str, rate_rps: float, why: str, settings: LoadSettings) -> list[Bound]:
    """Return the bounds of a role that the firewall must leave alone: offered in full, never blocked, acknowledged."""
    return [
        offers_its_rate(seen, role, rate_rps, settings),
        never_blocked(seen, role, why),
        answered(seen, role, (200,), share=ANSWERED_SHARE),
    ]


def _beside_the_flood(seen: Observations, settings: LoadSettings) -> list[Bound]:
    """Return the bounds that take a second source address."""
    beside = "an address is not affected by another one's flood"
    listed = f"{PROVIDER_RPS:g}/s is above the limit, and the allow-list has one of its own"
    if settings.is_one_address:
        why = "all load leaves from one address"
        law = f"{JUST_ABOVE_RPS:g}/s is above the limit"
        return [
            not_exercised("neighbour is never blocked", beside, why),
            not_exercised("just_above is blocked in time", law, why),
        ]
    bounds = [
        *_let_through(seen, "neighbour", NEIGHBOUR_RPS, beside, settings),
        *blocked_in_time(seen, "just_above", settings),
        answered(seen, "just_above", (200, BLOCKED), share=ANSWERED_SHARE),
    ]
    if settings.provider_address:
        bounds += _let_through(seen, "provider", PROVIDER_RPS, listed, settings)
    return bounds

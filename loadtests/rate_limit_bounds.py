"""What the rate-limit scenario offers, and the bounds on it. Imports no Locust, which would patch the process."""

from collections.abc import Sequence
from typing import Final

from loadtests.bounds import Bound, blocked_in_time, never_blocked, stays_blocked, unblocked_in_time
from loadtests.observations import Observations
from loadtests.settings import LoadSettings

ABOVE_RPS: Final = 25.0
JUST_ABOVE_RPS: Final = 15.0
BELOW_RPS: Final = 8.0
NEIGHBOUR_RPS: Final = 3.0
PROVIDER_RPS: Final = 14.0


def judge(seen: Observations, settings: LoadSettings) -> Sequence[Bound]:
    """Return every bound of the scenario as it was kept or broken."""
    why = f"{BELOW_RPS:g}/s is under the limit of {settings.limit} in {settings.window_s} s"
    bounds = [
        never_blocked(seen, "below", why),
        never_blocked(seen, "neighbour", "an address is not affected by another one's flood"),
        *blocked_in_time(seen, "just_above", settings),
        *blocked_in_time(seen, "above", settings),
        stays_blocked(seen, "above"),
        unblocked_in_time(seen, "above", settings),
    ]
    if settings.provider_address:
        why = f"{PROVIDER_RPS:g}/s is above the limit, and the allow-list has one of its own"
        bounds.append(never_blocked(seen, "provider", why))
    return bounds

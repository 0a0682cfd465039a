"""Fault 25: a burst from one address at the web ACL, and a throttled stage, on a clock that the test owns."""

from dataclasses import dataclass, field

from stack.limits import STAGE_BURST_LIMIT, STAGE_RATE_LIMIT, WAF_CHECK_INTERVAL_S, WAF_RATE_LIMIT, WAF_WINDOW_S
from tests.fakes_trip import Trip, stripe_body
from webhookctl.local.waf.rate import RateLimiter, RateSettings

LAG_S = 30.0
"""How late AWS acts; it says "usually under 30 seconds"."""
BURST_RPS = 30
SECONDS = 120
RETRY_AFTER_S = WAF_WINDOW_S + WAF_CHECK_INTERVAL_S + LAG_S


def test_fault_25_burst_from_one_address(trip: Trip) -> None:
    """It is blocked within the bound, the neighbour is not, and what a blocked provider sends again lands."""
    wall = Wall(trip)
    for second in range(SECONDS):
        for n in range(BURST_RPS):
            wall.junk("127.0.0.2", at=second + n / BURST_RPS)
        assert wall.send("127.0.0.3", f"neighbour_{second}", at=second + 0.99) == 200
    assert wall.allowed["127.0.0.2"] <= WAF_RATE_LIMIT + BURST_RPS * (WAF_CHECK_INTERVAL_S + LAG_S)
    assert wall.send("127.0.0.2", "evt_provider", at=SECONDS) == 403
    assert "stripe:evt_provider" not in trip.aws.items
    assert wall.send("127.0.0.2", "evt_provider", at=SECONDS + RETRY_AFTER_S) == 200
    trip.drain()
    assert {trip.effects(name) for name in trip.aws.items} == {1}
    assert len(trip.aws.items) == SECONDS + 1


def test_fault_25_throttled_stage(trip: Trip) -> None:
    """What the stage turns away with 429 is not written; sent again, all of it lands and takes effect once."""
    stage = Bucket(rate=STAGE_RATE_LIMIT, burst=STAGE_BURST_LIMIT)
    waiting = [f"evt_{n}" for n in range(STAGE_BURST_LIMIT + 50)]
    answers = [_through(stage, trip, name, at=0.0, is_junk=n < STAGE_BURST_LIMIT) for n, name in enumerate(waiting)]
    assert answers == [401] * STAGE_BURST_LIMIT + [429] * 50
    assert trip.aws.items == {}
    assert [_through(stage, trip, name, at=1.0) for name in waiting[-50:]] == [200] * 50
    trip.drain()
    assert [trip.effects(f"stripe:{name}") for name in waiting[-50:]] == [1] * 50


@dataclass
class Wall:
    """The web ACL's rate rule before the receiver."""

    trip: Trip
    allowed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = RateSettings(limit=WAF_RATE_LIMIT, window_s=WAF_WINDOW_S, block_lag_s=LAG_S, unblock_lag_s=LAG_S)
        self._rule = RateLimiter(settings, start=0.0, phase=lambda: 0.99)

    def send(self, address: str, event_id: str, *, at: float) -> int:
        """Deliver a signed webhook and return the status."""
        return self.trip.send(stripe_body(event_id)) if self._passes(address, at) else 403

    def junk(self, address: str, *, at: float) -> int:
        """Deliver an unsigned one."""
        return self.trip.post("stripe", b"{}", {}) if self._passes(address, at) else 403

    def _passes(self, address: str, at: float) -> bool:
        if self._rule.observe(address, at):
            return False
        self.allowed[address] = self.allowed.get(address, 0) + 1
        return True


@dataclass
class Bucket:
    """API Gateway's throttle of a stage: a token bucket, per its developer guide."""

    rate: float
    burst: float
    at: float = 0.0

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def takes(self, at: float) -> bool:
        """Take a token, if there is one."""
        self._tokens = min(self.burst, self._tokens + (at - self.at) * self.rate)
        self.at = at
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _through(stage: Bucket, trip: Trip, event_id: str, *, at: float, is_junk: bool = False) -> int:
    if not stage.takes(at):
        return 429
    return trip.post("stripe", b"{}", {}) if is_junk else trip.send(stripe_body(event_id))

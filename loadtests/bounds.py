"""Bounds that a load test must keep, and how each is measured. Pure: observations in, verdicts out.

Which bounds transfer from this machine to AWS, and why never "request 601 is blocked": AWS WAF estimates the rate
about every ten seconds and acts late, so only these hold (AWS WAF developer guide, rate-based rule caveats).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from loadtests.observations import BLOCKED, THROTTLED, Observations
from loadtests.settings import LoadSettings

SLACK_S = 3.0
"""Seconds that a client's own clock, start-up and probing may add to a measured time."""
OFFERED_SHARE = 0.9
"""What share of its rate a role must have offered for its verdict to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One bound: what must hold, what was measured, and the measured value beside its limit where it is a number."""

    name: str
    law: str
    measured: str
    value: float | None
    at_most: float | None = None
    at_least: float | None = None
    is_exercised: bool = True

    @property
    def is_kept(self) -> bool:
        """Whether the measurement lies inside the bound. Nothing measured breaks it; what was not tried does not."""
        if not self.is_exercised:
            return True
        if self.value is None:
            return False
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


def verdict_of(bound: Bound) -> str:
    """Return a bound's verdict in a word or two."""
    if not bound.is_exercised:
        return "not exercised"
    return "kept" if bound.is_kept else "BROKEN"


def not_exercised(name: str, law: str, why: str) -> Bound:
    """Return the bound that this run could not put to the test, and why."""
    return Bound(name=name, law=law, measured=why, value=None, is_exercised=False)


def offers_its_rate(seen: Observations, role: str, rate_rps: float, settings: LoadSettings) -> Bound:
    """Return the bound that a role really offered its rate, in the window in which it sent most.

    Whatever else a role shows is worth nothing without: one that sends too little is never blocked either.
    """
    sent = _by_second(seen, role)
    most = max((_window(sent, second, settings) for second in sent), default=0)
    wanted = rate_rps * settings.window_s
    is_slow = most < OFFERED_SHARE * wanted
    return Bound(
        name=f"{role} offers its rate",
        law=f"{OFFERED_SHARE:.0%} of {rate_rps:g}/s at least, in its busiest {settings.window_s} s",
        measured=f"{most} of {wanted:g} requests" + (": client too slow, or the run too short" if is_slow else ""),
        value=float(most) if sent else None,
        at_least=round(OFFERED_SHARE * wanted, 1),
    )


def never_blocked(seen: Observations, role: str, why: str) -> Bound:
    """Return the bound that a role, having sent something, was never blocked."""
    blocked, sent = seen.count(role=role, status=BLOCKED), seen.count(role=role)
    return Bound(
        name=f"{role} is never blocked",
        law=why,
        measured=f"{blocked} of {sent} blocked",
        value=float(blocked) if sent else None,
        at_most=0,
    )


def blocked_in_time(seen: Observations, role: str, settings: LoadSettings) -> list[Bound]:
    """Return the bounds on how soon, and after how much, a role above the limit is blocked.

    Counted from the second in which the role's own requests crossed the limit, so that a slow client makes neither a
    false nor an empty verdict.
    """
    sent = _by_second(seen, role)
    crossed = _crossing(sent, settings)
    mark = seen.mark(role)
    if crossed is None:
        reached = f"{sum(sent.values())} requests never made {settings.limit} in {settings.window_s} s: client too slow"
        return [Bound(name=f"{role} reaches the limit", law="the flood must be one", measured=reached, value=None)]
    if mark.first_block is None:
        law = f"an address that makes more than {settings.limit} requests in {settings.window_s} s is blocked"
        return [Bound(name=f"{role} is blocked", law=law, measured="never blocked", value=None)]
    delay_s = settings.check_s + settings.lag_s + SLACK_S
    took = mark.first_block - crossed
    within = {second: count for second, count in sent.items() if second <= mark.first_block}
    later = sum(count for second, count in sent.items() if crossed < second <= crossed + delay_s)
    allowed = sum(within.values()) - _blocked_up_to(seen, role, mark.first_block)
    until_crossing = sum(count for second, count in sent.items() if second <= crossed)
    return [
        Bound(
            name=f"{role} is blocked in time",
            law=f"check + lag = {delay_s:.0f} s at most after it crossed the limit",
            measured=f"{took:.1f} s",
            value=round(took, 1),
            at_most=round(delay_s, 1),
        ),
        Bound(
            name=f"{role}: requests let through before the block",
            law=f"about {settings.limit} at least, limit + rate x (check + lag) = {until_crossing + later} at most",
            measured=str(allowed),
            value=float(allowed),
            at_least=0.9 * settings.limit,
            at_most=float(until_crossing + later),
        ),
    ]


def _by_second(seen: Observations, role: str) -> dict[int, int]:
    sent: dict[int, int] = {}
    for (second, its_role, _, _), cell in seen.cells.items():
        if its_role == role:
            sent[second] = sent.get(second, 0) + cell.count
    return dict(sorted(sent.items()))


def _crossing(sent: Mapping[int, int], settings: LoadSettings) -> int | None:
    """Return the second in which the requests of one window first exceeded the limit."""
    for second in sent:
        if _window(sent, second, settings) > settings.limit:
            return second
    return None


def _window(sent: Mapping[int, int], second: int, settings: LoadSettings) -> int:
    """Return the requests of the window that ends with `second`."""
    return sum(count for s, count in sent.items() if second - settings.window_s < s <= second)


def _blocked_up_to(seen: Observations, role: str, moment: float) -> int:
    return sum(
        cell.count
        for (second, its_role, _, status), cell in seen.cells.items()
        if its_role == role and status == BLOCKED and second <= moment
    )


def stays_blocked(seen: Observations, role: str) -> Bound:
    """Return the bound that a hammering address stays blocked: refused requests count too."""
    mark = seen.mark(role)
    let_through = None
    if mark.first_block is not None and mark.silent_since is not None:
        start, end = int(mark.first_block) + 2, int(mark.silent_since) - 1
        let_through = sum(
            cell.count
            for (second, its_role, _, status), cell in seen.cells.items()
            if its_role == role and status != BLOCKED and start <= second <= end
        )
    return Bound(
        name=f"{role} stays blocked while it goes on",
        law="blocked requests count towards the rate",
        measured="never blocked" if let_through is None else f"{let_through} let through",
        value=None if let_through is None else float(let_through),
        at_most=0,
    )


def unblocked_in_time(seen: Observations, role: str, settings: LoadSettings) -> Bound:
    """Return the bound on how soon a silent address is let in again."""
    mark = seen.mark(role)
    most = settings.window_s + settings.check_s + settings.lag_s + SLACK_S
    took = None
    if mark.silent_since is not None and mark.first_allowed_after is not None:
        took = mark.first_allowed_after - mark.silent_since
    return Bound(
        name=f"{role} is let in again",
        law=f"window + check + lag = {most:.0f} s at most after its last request",
        measured="not within the run" if took is None else f"{took:.1f} s",
        value=None if took is None else round(took, 1),
        at_most=round(most, 1),
    )


def answered(seen: Observations, role: str, statuses: tuple[int, ...], *, share: float = 1.0) -> Bound:
    """Return the bound that a role's requests got one of these answers, at least `share` of them."""
    sent = seen.count(role=role)
    good = sum(seen.count(role=role, status=status) for status in statuses)
    wanted = "/".join(map(str, statuses))
    return Bound(
        name=f"{role} is answered {wanted}",
        law=f"at least {share:.1%} of its requests",
        measured=f"{good} of {sent}",
        value=round(good / sent, 4) if sent else None,
        at_least=share,
    )


def throttled_above_the_stage_limit(seen: Observations, role: str, *, rate_rps: float, burst: int) -> Bound:
    """Return the bound on what a stage lets through: a token bucket of `burst` that refills at `rate_rps`.

    A load that the bucket would have let through anyhow does not exercise it.
    """
    sent, name = _by_second(seen, role), "the stage lets no more through than its bucket holds"
    span = max(sent) - min(sent) + 1 if sent else 0
    total, refused = sum(sent.values()), seen.count(role=role, status=THROTTLED)
    most = burst + rate_rps * span
    law = f"burst {burst} + {rate_rps:g}/s x {span} s = {most:.0f} at most"
    if sent and total <= most and not refused:
        return not_exercised(name, law, f"{total} requests in {span} s")
    passed = total - refused
    return Bound(
        name=name,
        law=law,
        measured=f"{passed} of {total} passed, {refused} answered 429",
        value=float(passed) if sent else None,
        at_most=round(most),
    )

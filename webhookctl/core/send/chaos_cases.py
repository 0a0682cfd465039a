"""One of each thing that goes wrong with webhooks, and what the receiver must answer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stack.limits import MAX_BODY_BYTES
from webhookctl.core.samples.catalogue import vocabulary
from webhookctl.core.samples.ids import Cast, IdSource
from webhookctl.core.send.compose import Recipe, compose
from webhookctl.core.send.http import Answer, Transport
from webhookctl.core.send.request import Draft, Outgoing, Tamper, Target, draft, sign

LONG_AGO = timedelta(days=5)
"""Older than what any provider's deliveries may be: PayPal's retries go on for three days."""
AHEAD = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the cases work with, for one provider. `slow` is a transport that drags out the body."""

    provider: str
    targets: dict[str, Target]
    transport: Transport
    slow: Transport
    ids: IdSource
    now: Callable[[], datetime]

    def event(self, cast: Cast | None = None) -> Draft:
        """Return a fresh event of the provider's usual type."""
        return compose(Recipe(provider=self.provider), ids=self.ids, now=self.now, cast=cast)

    def signed(self, item: Draft, *, tamper: Tamper | None = None, offset: timedelta = timedelta()) -> Outgoing:
        """Sign as of now, or so much earlier or later."""
        return sign(item, self.targets[self.provider], at=self.now() + offset, tamper=tamper)

    def post(self, *outgoing: Outgoing) -> list[Answer]:
        """Send one after the other."""
        return [self.transport.post(one) for one in outgoing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a case sent and what came back.

    `stored` are the ids that must end PROCESSED, `never` those that must not be stored at all.
    """

    answers: Sequence[Answer]
    stored: Sequence[str] = ()
    never: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One bad thing. `needs_time`: only for providers that sign a time. `expected` are the statuses, in order."""

    name: str
    expected: tuple[int, ...]
    run: Callable[[Bench], Seen]
    needs_time: bool = False

    def applies_to(self, provider: str) -> bool:
        """Whether the provider's scheme knows this."""
        return vocabulary(provider).signs_time or not self.needs_time


def _accepted(bench: Bench, item: Draft, *outgoing: Outgoing) -> Seen:
    return Seen(answers=bench.post(*outgoing), stored=[item.webhook_id or ""])


def _refused(bench: Bench, item: Draft, outgoing: Outgoing) -> Seen:
    return Seen(answers=bench.post(outgoing), never=[item.webhook_id] if item.webhook_id else [])


def _genuine(bench: Bench) -> Seen:
    item = bench.event()
    return _accepted(bench, item, bench.signed(item))


def _broken(tamper: Tamper) -> Callable[[Bench], Seen]:
    def run(bench: Bench) -> Seen:
        item = bench.event()
        return _refused(bench, item, bench.signed(item, tamper=tamper))

    return run


def _at_another_time(offset: timedelta) -> Callable[[Bench], Seen]:
    def run(bench: Bench) -> Seen:
        item = bench.event()
        return _refused(bench, item, bench.signed(item, offset=offset))

    return run


def _unsigned(bench: Bench) -> Seen:
    item = bench.event()
    headers = {"content-type": "application/json"}
    return _refused(bench, item, replace(bench.signed(item), headers=headers))


def _another_provider_s(bench: Bench) -> Seen:
    """Sign as the next provider, and send that here."""
    item = bench.event()
    names = sorted(bench.targets)
    other = names[(names.index(bench.provider) + 1) % len(names)]
    foreign = sign(replace(item, provider=other), bench.targets[other], at=bench.now())
    return _refused(bench, item, replace(foreign, url=bench.targets[bench.provider].url))


def _duplicate(bench: Bench) -> Seen:
    item = bench.event()
    return _accepted(bench, item, bench.signed(item), bench.signed(item))


def _replay(bench: Bench) -> Seen:
    item = bench.event()
    outgoing = bench.signed(item)
    return _accepted(bench, item, outgoing, outgoing)


def _reordered(bench: Bench) -> Seen:
    """Two events about one payment, the later one first."""
    cast = Cast(bench.ids, vocabulary(bench.provider).ids)
    earlier, later = bench.event(cast), bench.event(cast)
    answers = bench.post(bench.signed(later), bench.signed(earlier))
    return Seen(answers=answers, stored=[later.webhook_id or "", earlier.webhook_id or ""])


def _oversize(bench: Bench) -> Seen:
    event = json.loads(bench.event().body)
    event["padding"] = "x" * MAX_BODY_BYTES
    item = draft(bench.provider, json.dumps(event).encode())
    return _refused(bench, item, bench.signed(item))


def _slow(bench: Bench) -> Seen:
    item = bench.event()
    return Seen(answers=[bench.slow.post(bench.signed(item))], stored=[item.webhook_id or ""])


def _bytes(body: bytes) -> Callable[[Bench], Seen]:
    def run(bench: Bench) -> Seen:
        item = draft(bench.provider, body)
        return _refused(bench, item, bench.signed(item))

    return run


CASES = (
    Case(name="genuine", expected=(200,), run=_genuine),
    Case(name="stale", expected=(401,), run=_at_another_time(-LONG_AGO), needs_time=True),
    Case(name="from the future", expected=(401,), run=_at_another_time(AHEAD), needs_time=True),
    Case(name="time changed", expected=(401,), run=_broken(Tamper.TIMESTAMP), needs_time=True),
    Case(name="body changed", expected=(401,), run=_broken(Tamper.BODY)),
    Case(name="signature changed", expected=(401,), run=_broken(Tamper.SIGNATURE)),
    Case(name="wrong secret", expected=(401,), run=_broken(Tamper.SECRET)),
    Case(name="not signed", expected=(401,), run=_unsigned),
    Case(name="other provider's signature", expected=(401,), run=_another_provider_s),
    Case(name="duplicate", expected=(200, 200), run=_duplicate),
    Case(name="replay", expected=(200, 200), run=_replay),
    Case(name="reordered", expected=(200, 200), run=_reordered),
    Case(name="oversize", expected=(413,), run=_oversize),
    Case(name="slow body", expected=(200,), run=_slow),
    Case(name="not JSON", expected=(400,), run=_bytes(b"payment=1&status=paid")),
    Case(name="not UTF-8", expected=(400,), run=_bytes(b'{"id": "\xff\xfe"}')),
    Case(name="empty", expected=(400,), run=_bytes(b"")),
)

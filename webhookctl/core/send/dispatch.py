"""Send drafts at a pace: signed the moment they leave, one request each, a provider's retries only where asked."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

from webhookctl.core.samples.catalogue import vocabulary
from webhookctl.core.send.http import Answer, Transport
from webhookctl.core.send.request import Draft, Outgoing, Tamper, Target, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast: at most `rate` requests a second (None: as fast as answers come), `concurrency` at a time."""

    rate: float | None = None
    concurrency: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook that was sent, and how that went. `attempts` counts requests; it is 1 unless retries were asked.

    `outcome` is what our own receiver answers: `accepted`, `duplicate` or `conflict`.
    """

    TABLE: ClassVar = ("number", "event_type", "webhook_id", "status", "attempts", "outcome", "latency_ms")
    SPARE: ClassVar = ("attempts", "latency_ms", "number")
    WHOLE: ClassVar = ("webhook_id", "status")
    number: int
    provider: str
    event_type: str | None
    webhook_id: str | None
    status: int | None
    latency_ms: float
    sent_at: datetime
    attempts: int = 1
    outcome: str | None = None
    problem: str | None = None
    payment_id: str | None = None
    answer: str = field(default="", repr=False)

    @property
    def is_accepted(self) -> bool:
        """Whether the last answer was 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - 2xx


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Delivers one draft. `retry_factor` compresses the provider's retry schedule: 3600 makes an hour a second.

    Once `stop` is set nothing new leaves: neither the next draft nor a retry.
    """

    targets: Mapping[str, Target]
    transport: Transport
    tamper: Tamper | None = None
    retry_factor: float | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], object] = time.sleep
    stop: threading.Event = field(default_factory=threading.Event)

    def deliver(self, item: Draft, number: int = 1) -> Delivery:
        """Sign and send. A refused webhook is sent again only when `retry_factor` is given."""
        first_at = self.now()
        answer = self.transport.post(self._signed(item))
        attempts = 1
        for wait_s in self._waits(item.provider):
            if answer.is_accepted:
                break
            self.sleep(wait_s)
            if self.stop.is_set():
                break
            again = _as_retry(self._signed(item), answer, number=attempts, first_at=first_at)
            answer = self.transport.post(again)
            attempts += 1
        return _delivery(item, answer, number=number, attempts=attempts, sent_at=first_at)

    def replay(self, item: Draft, number: int = 1) -> Delivery:
        """Send the very same bytes and headers twice; the second answer counts."""
        outgoing, sent_at = self._signed(item), self.now()
        self.transport.post(outgoing)
        return _delivery(item, self.transport.post(outgoing), number=number, attempts=2, sent_at=sent_at)

    def _signed(self, item: Draft) -> Outgoing:
        return sign(item, self.targets[item.provider], at=self.now(), tamper=self.tamper)

    def _waits(self, provider: str) -> Iterator[float]:
        if self.retry_factor:
            yield from (wait / self.retry_factor for wait in vocabulary(provider).retry_after_s)


def dispatch(
    drafts: Iterable[Draft],
    sender: Sender,
    *,
    pace: Pace,
    on_done: Callable[[Delivery], None] = lambda _: None,
) -> list[Delivery]:
    """Send every draft and return the deliveries in the order of sending.

    `on_done` is called after each, one call at a time. A draft's own pause is kept before it is sent. With a
    concurrency of 1 the next one leaves after the answer to the one before.
    """
    done: list[Delivery] = []
    broken = threading.Event()
    lock, places = threading.Lock(), threading.BoundedSemaphore(pace.concurrency)
    deliver = sender.replay if sender.tamper is Tamper.REPLAY else sender.deliver

    def finish(future: Future[Delivery]) -> None:
        places.release()
        if future.exception():
            broken.set()
            return
        with lock:
            done.append(future.result())
            on_done(future.result())

    with ThreadPoolExecutor(max_workers=pace.concurrency, thread_name_prefix="send") as pool:
        futures = []
        for number, item in enumerate(_paced(drafts, pace, sender.sleep), start=1):
            places.acquire()
            if broken.is_set() or sender.stop.is_set():
                break
            futures.append(pool.submit(deliver, item, number))
            futures[-1].add_done_callback(finish)
    for future in futures:
        future.result()
    return sorted(done, key=lambda delivery: delivery.number)


def _paced(drafts: Iterable[Draft], pace: Pace, sleep: Callable[[float], object]) -> Iterator[Draft]:
    started = time.perf_counter()
    for index, item in enumerate(drafts):
        due = started + index / pace.rate if pace.rate else 0.0
        wait = max(due - time.perf_counter(), item.pause_s)
        if wait > 0:
            sleep(wait)
        yield item


def _as_retry(outgoing: Outgoing, answer: Answer, *, number: int, first_at: datetime) -> Outgoing:
    """Add the headers by which the provider marks a retry."""
    reason = "http_timeout" if answer.is_timeout else "other_error" if answer.status is None else "http_error"
    values = {"number": number, "reason": reason, "first_at": first_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    marks = vocabulary(outgoing.draft.provider).retry_headers
    return replace(outgoing, headers={**outgoing.headers, **{k: v.format(**values) for k, v in marks.items()}})


def _delivery(item: Draft, answer: Answer, *, number: int, attempts: int, sent_at: datetime) -> Delivery:
    return Delivery(
        number=number,
        provider=item.provider,
        event_type=item.event_type,
        webhook_id=item.webhook_id,
        payment_id=item.payment_id,
        status=answer.status,
        latency_ms=round(answer.latency_ms, 1),
        sent_at=sent_at,
        attempts=attempts,
        problem=answer.problem,
        outcome=_outcome(answer),
        answer=answer.text,
    )


def _outcome(answer: Answer) -> str | None:
    """Return what our receiver says that it did, or why there is no answer."""
    if answer.status is None:
        return answer.problem
    try:
        said = json.loads(answer.text)
    except ValueError:
        return None
    return said.get("outcome") or said.get("message") if isinstance(said, dict) else None

"""Many webhooks, faults at random, then the books: sender's journal, table, queues and audit log must agree.

Everything random comes from one seed: which provider, payment and order, duplicates, forgeries, which call fails how,
where a function dies, when SQS redelivers. The handlers, the boto3 clients and their retries are the real ones.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lambdas.shared.attributes import from_item
from lambdas.shared.audit_record import AuditKey, follows, is_chained
from lambdas.shared.audit_wire import is_genuine_write, lengthen
from lambdas.shared.webhook import Status
from tests.fakes_aws import Crash, FakeAws, Fault, no_waiting
from tests.fakes_sqs import SqsMessage
from tests.fakes_trip import Trip, paypal_body, secret, signed_headers, square_body, stripe_body
from webhookctl.core.audit.state import States

FAULT_RATE = 0.01
"""Share of AWS call attempts that fail in one of the ways of `Fault`."""
CRASH_RATE = 0.01
"""Share of invocations in which the function dies before or after one of its AWS calls."""
DUPLICATE_RATE = 0.08
FORGERY_RATE = 0.05
POISON_RATE = 0.002
REDELIVERY_RATE = 0.02
_REDRIVES = 2
"""Redrives at the end. A webhook that fails on purpose five times needs a second one where recording its first FAILED
was itself hit by a fault: its tries then count from nothing again."""
AUDIT_KEY = AuditKey(id="a1", value=b"audit-seal-planted")

RECEIVER_CALLS = ("GetSecretValue", "PutItem", "SendMessage")
PROCESSOR_CALLS = ("GetItem", "UpdateItem")


@dataclass
class Sent:
    """One event in the sender's journal."""

    provider: str
    event_id: str
    body: bytes
    answers: list[int | None] = field(default_factory=list)  # None: no answer, the function died

    @property
    def webhook_id(self) -> str:
        """The key that it must have in the table."""
        return f"{self.provider}:{self.event_id}"

    @property
    def is_acknowledged(self) -> bool:
        """The sender has seen a 200."""
        return 200 in self.answers


@dataclass(frozen=True, kw_only=True)
class Books:
    """The reconciliation. Everything after `acknowledged` must be zero."""

    sent: int
    deliveries: int
    acknowledged: int
    lost: int
    duplicate_effects: int
    forged_stored: int
    stuck: int
    audit_gaps: int
    forgeries: int
    faults: int
    crashes: int
    dead_lettered: int

    @property
    def is_clean(self) -> bool:
        """Nothing acknowledged was lost or repeated, nothing forged stored, every change audited."""
        return not (self.lost or self.duplicate_effects or self.forged_stored or self.stuck or self.audit_gaps)


class Soak:
    """One run."""

    def __init__(self, *, seed: int, count: int, make_aws: Callable[..., FakeAws] = FakeAws) -> None:
        self._random = random.Random(seed)
        self._count = count
        self._aws = make_aws(fault_for=self._fault)
        self._trip = Trip(aws=self._aws)
        self._journal: list[Sent] = []
        self._forged: set[str] = set()
        self._tally: Counter[str] = Counter()
        self._lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._seen_lines: set[str] = set()
        self._old_batches: list[dict[str, Any]] = []
        self._calm = False

    def run(self) -> Books:
        """Send, disturb, calm down, redrive, reconcile."""
        with no_waiting(self._aws.clock), _repeatable_back_off(self._random):
            retries: list[Sent] = []
            window: list[Sent] = []
            for n in range(self._count):
                window.append(self._event(n))
                if len(window) == 20:
                    self._deliver_in_any_order(window, retries)
                    window = []
            self._deliver_in_any_order(window, retries)
            self._calm = True
            self._settle()
        return self._reconcile()

    # -- the sender --------------------------------------------------------------------------------------------

    def _event(self, n: int) -> Sent:
        provider = self._random.choices(("stripe", "square", "paypal"), (70, 25, 5))[0]
        payment = n // 3
        if provider == "square":
            sent = Sent(provider, f"sq-{n}", square_body(f"sq-{n}", f"pay-{payment}"))
        elif provider == "paypal":
            sent = Sent(provider, f"WH-{n}", paypal_body(f"WH-{n}", f"CAP{payment}"))
        else:
            poison = {"webhookctl": {"failTimes": 5}} if self._random.random() < POISON_RATE else {}
            sent = Sent(provider, f"evt_{n}", stripe_body(f"evt_{n}", **poison))
        self._journal.append(sent)
        return sent

    def _deliver_in_any_order(self, window: list[Sent], retries: list[Sent]) -> None:
        retries.extend(window)
        retries.extend(self._random.choice(self._journal) for _ in window if self._random.random() < DUPLICATE_RATE)
        self._random.shuffle(retries)
        due, retries[:] = retries[:], []
        for sent in due:
            if self._random.random() < FORGERY_RATE:
                self._forge(sent)
            answer = self._deliver(sent)
            if answer != 200:
                retries.append(sent)
            if self._random.random() < 0.15:
                self._work()

    def _deliver(self, sent: Sent) -> int | None:
        self._maybe_crash(RECEIVER_CALLS)
        headers = signed_headers(sent.provider, sent.body, secret=secret(sent.provider))
        answer: int | None
        try:
            answer = self._trip.post(sent.provider, sent.body, headers)
        except Crash:
            self._tally["crashes"] += 1
            self._trip.cold()
            answer = None
        self._aws._crashes.clear()
        sent.answers.append(answer)
        if answer == 200 and not self._is_safe(sent):
            self._tally["unsafe_at_200"] += 1
        return answer

    def _is_safe(self, sent: Sent) -> bool:
        """At the moment of the 200: stored, and processed, queued or dead-lettered."""
        item = self._aws.items.get(sent.webhook_id)
        return item is not None and (item["status"]["S"] == "PROCESSED" or bool(self._aws.queue or self._aws.dlq))

    def _forge(self, sent: Sent) -> None:
        event_id = f"forged-{len(self._forged)}"
        body = sent.body.replace(sent.event_id.encode(), event_id.encode())
        good = signed_headers(sent.provider, sent.body, secret=secret(sent.provider))
        wrong = signed_headers(sent.provider, body, secret=secret(sent.provider, "whsec_of-someone-else"))
        old = signed_headers(sent.provider, body, secret=secret(sent.provider), skew_s=-5 * 86_400)
        choices = [good, wrong, {}] if sent.provider == "square" else [good, wrong, old, {}]  # Square signs no time
        self._forged.add(f"{sent.provider}:{event_id}")
        self._trip.post(sent.provider, body, self._random.choice(choices))

    # -- the rest of the world ---------------------------------------------------------------------------------

    def _fault(self, _: str) -> Fault | None:
        if self._calm or self._random.random() >= FAULT_RATE:
            return None
        self._tally["faults"] += 1
        return self._random.choice(list(Fault))

    def _maybe_crash(self, operations: tuple[str, ...]) -> None:
        if not self._calm and self._random.random() < CRASH_RATE:
            self._aws.crash(self._random.choice(operations), self._random.choice(("before", "after")))

    def _work(self) -> None:
        """One turn of the pollers: a batch for the processor, perhaps an old one again, and the audit logger."""
        self._aws.clock.advance(self._random.expovariate(1.0))
        batch = self._aws.receive()
        again = self._random.choice(self._old_batches) if self._old_batches else None
        if again and self._random.random() < REDELIVERY_RATE:
            self._process(again)
        if batch["Records"]:
            answer = self._process(batch)
            if answer is not None:
                self._aws.delete(batch, answer)
            self._old_batches = [*self._old_batches[-20:], batch]
        self._audit()

    def _process(self, batch: dict[str, Any]) -> dict[str, Any] | None:
        self._maybe_crash(PROCESSOR_CALLS)
        try:
            return self._trip.invoke_processor(batch)
        except Crash:
            self._tally["crashes"] += 1
            return None
        finally:
            self._aws._crashes.clear()

    def _audit(self) -> None:
        """Lambda's stream poller: a batch that failed, or whose success was not noticed, is delivered again."""
        position = self._trip.audited
        try:
            self._trip.audit()
        except Exception:  # noqa: BLE001 - whatever the function raises, the poller retries
            self._tally["audit_retries"] += 1
        if not self._calm and self._random.random() < REDELIVERY_RATE:
            self._trip.audited = position
        for line in map(lengthen, self._trip.lines):
            if line.get("type") == "audit" and line["streamEventId"] not in self._seen_lines:
                self._seen_lines.add(line["streamEventId"])
                self._lines[line["webhookId"]].append(line)
        self._trip.lines.clear()

    def _settle(self) -> None:
        """No more faults: the provider's last retries, the queues run dry, the operator redrives, the audit ends."""
        for sent in self._journal:
            if not sent.is_acknowledged:
                self._deliver(sent)
        self._trip.drain()
        for _ in range(_REDRIVES):
            self._redrive()
            self._trip.drain()
        self._audit()

    def _redrive(self) -> None:
        for message in list(self._aws.dlq.values()):
            self._tally["dead_lettered"] += 1
            self._aws.queue[message.message_id] = SqsMessage(message.body, message.attributes, message.message_id, 0.0)
            del self._aws.dlq[message.message_id]

    # -- the books ---------------------------------------------------------------------------------------------

    def _reconcile(self) -> Books:
        effects: Counter[str] = Counter()
        for record in self._aws.stream:
            image = record["dynamodb"]["NewImage"]
            effects[image["webhookId"]["S"]] += image["status"]["S"] == Status.PROCESSED
        acknowledged = [sent for sent in self._journal if sent.is_acknowledged]
        items = self._aws.items
        return Books(
            sent=len(self._journal),
            deliveries=sum(len(sent.answers) for sent in self._journal),
            acknowledged=len(acknowledged),
            lost=sum(sent.webhook_id not in items for sent in acknowledged) + self._tally["unsafe_at_200"],
            duplicate_effects=sum(count > 1 for count in effects.values()),
            forged_stored=sum(name in items for name in self._forged)
            + len({name for name in items if Status(items[name]["status"]["S"]).is_webhook} - self._known()),
            stuck=sum(items.get(s.webhook_id, {}).get("status") != {"S": "PROCESSED"} for s in acknowledged),
            audit_gaps=sum(not self._is_audited(name) for name in items),
            forgeries=len(self._forged),
            faults=self._tally["faults"],
            crashes=self._tally["crashes"],
            dead_lettered=self._tally["dead_lettered"],
        )

    def _known(self) -> set[str]:
        return {sent.webhook_id for sent in self._journal}

    def _is_audited(self, webhook_id: str) -> bool:
        """Every line is genuine, follows the one before, and the last says what the table says."""
        before: dict[str, Any] | None = None
        with States() as states:
            for told in sorted(self._lines[webhook_id], key=lambda line: int(line["seq"])):
                line = states.complete(told)
                if not (follows(line, before) and is_chained(line) and is_genuine_write(line, [AUDIT_KEY])):
                    return False
                before = line
        values = from_item(self._aws.items[webhook_id])
        return before is not None and before["chainHash"] == values["chainHash"] and is_chained(values)


@contextmanager
def _repeatable_back_off(chance: random.Random) -> Iterator[None]:
    """Let botocore's jitter come from the seed too: it asks the interpreter's own generator."""
    before = random.getstate()
    random.seed(chance.random())
    try:
        yield
    finally:
        random.setstate(before)

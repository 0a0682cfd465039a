"""Any history, any one attack at any place: verify names that kind, at that webhook, and nothing else."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.shared.audit_record import CHAINED
from lambdas.shared.webhook import StoredWebhook
from tests.fakes_audit import START, AuditWorld
from tests.fakes_operator import FakeAuditLogger
from webhookctl.core.audit.operator_lines import Operator, OperatorAction, OperatorAudit

ALICE: Final = Operator(principal="arn:aws:iam::1:user/alice", user="alice")
LATER: Final = timedelta(days=6)
"""When is verified: rows that expired are long gone by then."""
MEMBERS: Final = ("note", "change", "chained", "isMasked", "lineId", "loggedAt", "paymentId", "prev")
VALUES: Final[tuple[Any, ...]] = (
    None, True, 0, 1, 2, 99, 10**20, -1, 1.5, "", "x", "\u00e9", "ttl", "audit", "operator", [], {}, "0" * 43,
)  # fmt: skip
Found = set[tuple[str, str]]


class History(AuditWorld):
    """A few webhooks' lives, interleaved, with batches that were delivered again and what operators did."""

    def grow(self, random: Random, *, retries: bool = True) -> "History":
        """Let it happen."""
        lives = {f"evt_{number}": self._life(f"evt_{number}", random) for number in range(random.randint(1, 4))}
        lives["operator"] = self._acts(random)
        while lives:
            name = random.choice(sorted(lives))
            if next(lives[name], None) is None:
                del lives[name]
            if retries and random.random() < 0.1:
                for event in self.log[-random.randint(1, 3) :]:
                    self.say(event.written())
        at = START
        for place, event in enumerate(self.log):  # a line is written a while after its change
            at = max(at, event.at + timedelta(milliseconds=random.randrange(4000)))
            self.log[place] = replace(event, at=at)
        return self

    def _life(self, name: str, random: Random) -> Iterator[object]:
        for _ in range(random.choice((1, 1, 1, 2))):
            webhook = self.receive(name)
            yield webhook
            for _ in range(random.choice((0, 0, 1, 2))):
                webhook = random.choice((self.fail, self._edit))(webhook)
                yield webhook
            if random.random() < 0.2:
                return
            expires = random.random() < 0.5
            webhook = self.process(webhook, expires_at=int(self.at.timestamp()) + 1 if expires else 2_000_000_000)
            yield webhook
            if not expires:
                return
            self.put(webhook.webhook_id, None, by_ttl=True)
            yield webhook

    def _edit(self, webhook: StoredWebhook) -> StoredWebhook:
        return self.write(webhook.edited(b'{"amount": 1}', operator="alice", note="typo"))

    def _acts(self, random: Random) -> Iterator[object]:
        logger = FakeAuditLogger()
        audit = OperatorAudit(logger=logger)
        for number in range(random.randint(0, 3)):
            audit.record(
                OperatorAction(
                    action="dlq.purge", action_id="op", operator=ALICE, at=self.at, outcome=f"step-{'abc'[number]}"
                )
            )
            self.say(logger.lines[-1])
            yield number

    def copies(self, place: int) -> int:
        """Return how often a line stands in the log."""
        return Counter(event.message for event in self.log)[self.log[place].message]

    def found(self, **options: Any) -> Found:
        """Return the kinds found, each with its webhook."""
        return {found[:2] for found in self.findings(later=LATER, **options)}


def place_of(line: dict[str, Any]) -> str:
    """Return what a finding of a line names."""
    return "operators" if line["type"] == "operator" else str(line["webhookId"])


def delete_line(world: History, random: Random) -> tuple[Found, Found]:
    """Remove one."""
    place = random.randrange(len(world.log))
    line, copies = world.log[place].fields(), world.copies(place)
    del world.log[place]
    is_shown = line["type"] != "operator" or any(
        other.written().get("previousLine") == line["lineId"] for other in world.log
    )
    return ({("missing_line", place_of(line))} if copies == 1 and is_shown else set()), set()


def edit_line(world: History, random: Random) -> tuple[Found, Found]:
    """Change, add or take away any member of one."""
    place = random.randrange(len(world.log))
    line, copies = world.log[place].written(), world.copies(place)
    name = random.choice(sorted({*line, *MEMBERS}))
    ids = [webhook_id for event in world.log if (webhook_id := event.written().get("webhookId"))]
    value = random.choice((*VALUES, *ids)) if name == "webhookId" else random.choice(VALUES)
    changed = {**line, name: value}
    if random.random() < 0.2 and name in line:
        del changed[name]
    if json.dumps(changed) == json.dumps(line):
        return set(), set()
    world.log[place] = replace(world.log[place], message=json.dumps(changed))
    if copies > 1:
        return {
            ("forged_line", place_of({"type": line["type"], "webhookId": str(changed.get("webhookId", "?"))}))
        }, set()
    return {("edited_line", place_of(line))}, set()


def forge_line(world: History, random: Random) -> tuple[Found, Found]:
    """Make one up, in the manner of a genuine one."""
    line = random.choice(world.log).written()
    if line["type"] == "operator":
        line |= {"outcome": "failed"}
    else:
        line |= {"seq": random.randint(1, 6), "status": "OTHER"}
        line["webhookId"] = random.choice((line["webhookId"], "stripe:evt_0", "stripe:evt_1", "stripe:other"))
    world.log.insert(random.randrange(len(world.log) + 1), replace(random.choice(world.log), message=json.dumps(line)))
    return {("forged_line", place_of(line))}, set()


def swap_lines(world: History, random: Random) -> tuple[Found, Found]:
    """Let two change places."""
    one, other = random.randrange(len(world.log)), random.randrange(len(world.log))
    lines = world.log[one], world.log[other]
    world.log[one] = replace(lines[0], message=lines[1].message)
    world.log[other] = replace(lines[1], message=lines[0].message)
    told = {("reordered_line", place_of(line.fields())) for line in lines}
    is_seen = len(told) == 1 and lines[0].message != lines[1].message and ("reordered_line", "operators") not in told
    return (told, set()) if is_seen else (set(), told)


def change_row(world: History, random: Random) -> tuple[Found, Found]:
    """Change, add or take away any attribute of one."""
    if not world.items:
        return set(), set()
    webhook_id = random.choice(sorted(world.items))
    name = random.choice([name for name in (*CHAINED, "prevHash", "chainHash", "body") if name != "webhookId"])
    before = world.items[webhook_id]
    value: Any = random.choice([{"S": "x"}, {"N": "7"}, {"B": b"x"}, {"BOOL": True}, {"L": []}, {"S": "\u00e9"}, None])
    value = {"B": b"\x00{}"} if name == "body" else value
    after = {key: held for key, held in {**before, name: value}.items() if held is not None}
    world.put(webhook_id, after, recorded=False)
    return ({("row_changed_without_record", webhook_id)} if after != before else set()), set()


def delete_row(world: History, random: Random) -> tuple[Found, Found]:
    """Take one away."""
    if not world.items:
        return set(), set()
    webhook_id = random.choice(sorted(world.items))
    if "expiresAt" in world.items[webhook_id] and world.items[webhook_id]["expiresAt"]["N"] != "2000000000":
        return set(), set()
    world.put(webhook_id, None, recorded=False)
    return {("row_deleted", webhook_id)}, set()


ATTACKS: Final[Sequence[Callable[[History, Random], tuple[Found, Found]]]] = (
    delete_line, edit_line, forge_line, swap_lines, change_row, delete_row,
)  # fmt: skip


def attacked(attack: Callable[[History, Random], tuple[Found, Found]], seed: int) -> tuple[Found, Found, Found]:
    """Return what was found after an attack, what had to be, and what may be besides."""
    random = Random(seed)
    world = History().grow(random, retries=attack is not swap_lines)
    due, allowed = attack(world, random) if world.log else (set(), set())
    return world.found(), due, allowed


@pytest.mark.parametrize("attack", ATTACKS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_one_attack_is_named_by_its_kind_and_place_alone(attack: Any, seed: int) -> None:
    """Whatever the history."""
    found, due, allowed = attacked(attack, seed)
    assert due <= found <= due | allowed


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_an_untouched_log_has_no_finding_whatever_the_window(seed: int) -> None:
    """Also where it begins between a write and its line, or between two deliveries of a batch."""
    random = Random(seed)
    world = History().grow(random)
    length = int((world.at - START).total_seconds() * 1000) + 4000
    for since in (None, *(START + timedelta(milliseconds=random.randrange(length)) for _ in range(4))):
        assert world.found(since=since) == set()

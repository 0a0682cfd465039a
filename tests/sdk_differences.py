"""Comparing our verdicts with an SDK's over many generated requests, with every difference named."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BODIES: tuple[bytes, ...] = (
    b'{"id": "evt_1", "type": "a.b"}',
    b'{"id":"evt_2","type":"a.b","amount":4200}\n',
    b'{\n  "id": "evt_3",\n  "name": "Z\xc3\xbcrich \xe2\x9c\x93"\n}',
    b'\xef\xbb\xbf{"id": "evt_4"}',
    b"not json at all",
    b"\x00\x01\x02",
    b" ",
    b"1.2",
    b"{}" * 500,
    b'{"id": "\xff"}',
    b"",
)
"""JSON in several spellings, a byte order mark, no JSON, invalid UTF-8 and nothing."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A deliberate one: when `applies`, we refuse what the SDK accepts, or the other way round, and why."""

    name: str
    why: str
    applies: Callable[[Mapping[str, str]], bool]
    we_accept: bool = False


EMPTY_BODY = Difference(
    name="empty body",
    why="an empty body is no event, so there is nothing to acknowledge",
    applies=lambda e: e["body"] == "",
)
NOT_UTF8 = Difference(
    name="not UTF-8",
    why="the SDK fails to decode before it verifies; we verify the bytes, and refuse them when they are read",
    applies=lambda e: "\udcff" in e["body"],
    we_accept=True,
)


def compare(
    generate: Callable[[random.Random, int], Mapping[str, str]],
    ours: Callable[[Mapping[str, str]], bool],
    theirs: Callable[[Mapping[str, str]], bool],
    *,
    differences: tuple[Difference, ...],
    count: int = 10_000,
) -> Counter[str]:
    """Return how often both accepted, both refused, and each difference occurred. Fails on one that has no name.

    `generate` is given the time in whole seconds: an SDK reads the machine's clock, which can't be set.
    """
    seeded, seen, now = random.Random(20261124), Counter[str](), int(time.time())
    for _ in range(count):
        example = generate(seeded, now)
        we, they = ours(example), theirs(example)
        if we == they:
            seen["both accept" if we else "both refuse"] += 1
            continue
        named = [known for known in differences if known.we_accept is we and known.applies(example)]
        assert named, f"an unnamed difference: we {'accept' if we else 'refuse'} {dict(example)!r}"
        seen[named[0].name] += 1
    return seen

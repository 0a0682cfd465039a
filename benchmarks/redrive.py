"""Measure how fast a redrive is, and whether its memory stays flat.

    python -m benchmarks.redrive              a stub queue and a stub table that take 10 ms for each call, and then the
                                              same through boto3 and HTTP, against a stub in a process of its own
    python -m benchmarks.redrive --no-boto3   the first alone

One thread first, then sixteen. Everything else is real: receive, read the table, judge, send, journal with fsync,
delete. Ends with exit 1 when the first is below 2,000 messages a second. Through boto3 the interpreter is the limit,
not the threads: each call costs it more than a millisecond of processor time on an idle core (signing, HTTP, JSON), and
ten messages take three calls; the table shows the processor time.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.memory import rss_mb
from benchmarks.redrive_stub import StubQueue, StubTable, stub_server
from webhookctl.aws.dead_letter_table import DeadLetterTable
from webhookctl.aws.queues import SqsQueue
from webhookctl.aws.session import AwsSession
from webhookctl.core.dlq.dead_letter import Queue, Webhooks
from webhookctl.core.events.meaning import meaning
from webhookctl.core.redrive.collaborators import Collaborators
from webhookctl.core.redrive.journal import Journal
from webhookctl.core.redrive.mover import redrive
from webhookctl.core.redrive.plan import Canary, RedrivePlan

ENOUGH_PER_S = 2000


@dataclass(frozen=True)
class Measured:
    messages: int
    threads: int
    seconds: float
    cpu_s: float
    rss_growth_mb: float

    @property
    def per_s(self) -> float:
        return self.messages / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.threads:>7}  {self.messages:>8,}  {self.seconds:>7.2f}  {self.per_s:>10,.0f}"
            f"  {self.cpu_s / self.messages * 1e6:>14,.0f}  {self.rss_growth_mb:>9.1f}"
        )


@contextmanager
def in_process(messages: int) -> Iterator[tuple[Queue, Queue, Webhooks]]:
    """Yield a source, a target and a table that only sleep."""
    target = StubQueue(0)
    yield StubQueue(messages), target, StubTable(target)


@contextmanager
def through_boto3(messages: int) -> Iterator[tuple[Queue, Queue, Webhooks]]:
    """Yield the real adapters, talking to a stub server."""
    with stub_server(messages) as url:
        session = AwsSession(region="us-east-1", endpoints={"": url}, credentials=("test", "test"))
        yield SqsQueue(session, f"{url}/q"), SqsQueue(session, f"{url}/p"), DeadLetterTable(session, "t")


def measure(messages: int, *, threads: int, is_through_boto3: bool, canary: int | None = None) -> Measured:
    """Redrive so many dead letters and measure it. Exits when not all arrived."""
    plan = RedrivePlan(
        redrive_id="rd-bench",
        environment="bench",
        threads=threads,
        wait_s=0,
        canary=None if canary is None else Canary(size=canary),
    )
    world = through_boto3 if is_through_boto3 else in_process
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal.create(Path(folder) / "journal.jsonl", plan.describe()) as journal,
        world(messages) as (source, target, table),
    ):
        tools = Collaborators(
            dlq=source,
            target=target,
            webhooks=table,
            normalise=meaning,
            journal=journal,
            happened=lambda _: None,
            now=lambda: datetime.now(UTC),
            stop=threading.Event(),
        )
        before, cpu, started = rss_mb(), time.process_time(), time.monotonic()
        report = redrive(plan, tools)
        seconds, cpu_s = time.monotonic() - started, time.process_time() - cpu
    if report.redriven != messages:
        sys.exit(f"{report.redriven} of {messages} redriven: {report}")
    return Measured(messages, threads, seconds, cpu_s, rss_mb() - before)


def compared(messages: int, *, is_through_boto3: bool) -> Measured:
    """Print one thread beside sixteen; return the sixteen."""
    measure(500, threads=16, is_through_boto3=is_through_boto3)  # what loads lazily is not to be measured
    one = measure(messages // 10, threads=1, is_through_boto3=is_through_boto3)
    many = measure(messages, threads=16, is_through_boto3=is_through_boto3)
    print("through boto3 and HTTP" if is_through_boto3 else "in this process")
    print("threads  messages  seconds  messages/s  CPU us/message  memory MB")
    print(one, many, f"ratio {many.per_s / one.per_s:.1f}", sep="\n")
    return many


def with_canaries(messages: int) -> None:
    """Print what a canary costs: each step is followed to its end before the next, twice as large, begins."""
    print("in this process, with a canary of 1, 5 and 100")
    for size in (1, 5, 100):
        print(measure(messages, threads=16, is_through_boto3=False, canary=size))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--boto3", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    stubbed = compared(given.messages, is_through_boto3=False)
    with_canaries(given.messages)
    if given.boto3:
        compared(given.messages, is_through_boto3=True)
    return 0 if stubbed.per_s >= ENOUGH_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())

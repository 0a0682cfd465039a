"""Measure how fast a redrive is, and whether its memory stays flat.

    python benchmarks/redrive.py            a stub queue and a stub table that take 10 ms for each call
    python benchmarks/redrive.py --boto3    the same through boto3 and HTTP, against a stub in a process of its own

One thread first, then sixteen. Everything else is real: receive, read the table, judge, send, journal with fsync,
delete. Ends with exit 1 below 2,000 messages a second. Through boto3 the interpreter is the limit: about 1.3 ms of
processor time a call on an idle core.
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
from webhookctl.core.dead_letter import Queue, Webhooks
from webhookctl.core.journal import Journal
from webhookctl.core.meaning import meaning
from webhookctl.core.redrive import Collaborators, redrive
from webhookctl.core.redrive_plan import RedrivePlan

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
            f"{self.threads:>2} threads: {self.messages:>6,} messages in {self.seconds:5.2f} s = {self.per_s:6,.0f}/s"
            f" ({self.cpu_s:.2f} s of processor time), memory grew by {self.rss_growth_mb:.1f} MB"
        )


@contextmanager
def in_process(messages: int) -> Iterator[tuple[Queue, Queue, Webhooks]]:
    """Yield a source, a target and a table that only sleep."""
    yield StubQueue(messages), StubQueue(0), StubTable()


@contextmanager
def through_boto3(messages: int) -> Iterator[tuple[Queue, Queue, Webhooks]]:
    """Yield the real adapters, talking to a stub server."""
    with stub_server(messages) as url:
        session = AwsSession(region="us-east-1", endpoints={"": url}, credentials=("test", "test"))
        yield SqsQueue(session, f"{url}/q"), SqsQueue(session, f"{url}/p"), DeadLetterTable(session, "t")


def measure(messages: int, *, threads: int, is_through_boto3: bool) -> Measured:
    """Redrive so many dead letters and measure it. Exits when not all arrived."""
    plan = RedrivePlan(redrive_id="rd-bench", environment="bench", threads=threads, wait_s=0)
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


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--boto3", action="store_true", dest="is_through_boto3")
    given = parser.parse_args()
    measure(500, threads=16, is_through_boto3=given.is_through_boto3)  # what loads lazily is not to be measured
    one = measure(given.messages // 10, threads=1, is_through_boto3=given.is_through_boto3)
    many = measure(given.messages, threads=16, is_through_boto3=given.is_through_boto3)
    print(one)
    print(many)
    print(f"ratio {many.per_s / one.per_s:.1f}")
    return 0 if many.per_s >= ENOUGH_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())

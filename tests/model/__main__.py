"""`make model`: the exhaustive check, then each guard taken out in turn, as tables. Exit 1 if anything slips."""

import argparse
import sys
import time
from dataclasses import replace

from tests.model.protocol import GUARDS, Model
from tests.model.search import Verdict, check
from tests.tables import table

BOUND = Model()
"""What is exhaustive in every run of the tests, in well under a minute."""
DEEP = replace(BOUND, processors=3)
SMALL = replace(BOUND, deliveries=2, receiver_crashes=1, processor_crashes=1, work_faults=1)
"""Enough for the damage of every guard that is taken out."""


def main(arguments: list[str] | None = None) -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="make model", description=__doc__)
    parser.add_argument("--deep", action="store_true", help=f"instead of {_told(BOUND)}: {_told(DEEP)}")
    model = DEEP if parser.parse_args(arguments).deep else BOUND
    started = time.monotonic()
    verdict = check(model)
    _say(_protocol(model, verdict, seconds=time.monotonic() - started))
    mutations = {guard: check(replace(SMALL, removed=frozenset({guard}))) for guard in GUARDS}
    _say(_mutations(mutations))
    caught = sum(found.broken is not None for found in mutations.values())
    _say(f"guards taken out: {len(mutations)}, caught: {caught}")
    return 0 if verdict.broken is None and caught == len(GUARDS) else 1


def _told(model: Model) -> str:
    return (
        f"{model.deliveries} deliveries and a forgery, {model.processors} processors, {model.receiver_crashes} +"
        f" {model.processor_crashes} crashes, {model.send_faults} send fault, {model.work_faults} processing faults,"
        f" {model.redrives} redrive, {model.max_receives} receives"
    )


def _protocol(model: Model, verdict: Verdict, *, seconds: float) -> str:
    rows = [
        ("every order of", _told(model)),
        ("states", f"{verdict.states:,}"),
        ("steps", f"{verdict.steps:,}"),
        ("broken invariants", verdict.broken or "none"),
        ("seconds", f"{seconds:.0f}"),
    ]
    rows += [("the way there", _way(verdict))] if verdict.broken else []
    return table(("protocol", "complete"), rows)


def _mutations(mutations: dict[str, Verdict]) -> str:
    rows = [
        (f"{guard}: {GUARDS[guard]}", found.broken or "NOT CAUGHT", _way(found)) for guard, found in mutations.items()
    ]
    return table(("guard taken out", "caught", "by the shortest way"), rows)


def _way(found: Verdict) -> str:
    return " > ".join(step for step in found.trace if step != "forgery refused")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

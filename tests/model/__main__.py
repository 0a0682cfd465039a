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
SMALL = replace(BOUND, deliveries=2, receiver_crashes=1, processor_crashes=1, work_faults=1, edits=True)
"""Enough for the damage of every guard that is taken out, but those of `BESIDE`."""
BESIDE = replace(
    BOUND, deliveries=2, others=1, counterfeits=1, processors=1, receiver_crashes=1, processor_crashes=0, redrives=0
)
"""Bodies beside the event's own."""
EDITED = replace(BOUND, deliveries=1, receiver_crashes=1, processor_crashes=1, work_faults=1, edits=True)
OF_BODIES = ("claim_first", "claim_compares", "conflict_kept")
"""The guards that only other bodies need."""


def main(arguments: list[str] | None = None) -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="make model", description=__doc__)
    parser.add_argument("--deep", action="store_true", help=f"instead of {_told(BOUND)}: {_told(DEEP)}")
    model = DEEP if parser.parse_args(arguments).deep else BOUND
    verdicts = [_holds(bound) for bound in (model, BESIDE, EDITED)]
    mutations = {guard: check(without(guard)) for guard in GUARDS}
    _say(_mutations(mutations))
    caught = sum(found.broken is not None for found in mutations.values())
    _say(f"guards taken out: {len(mutations)}, caught: {caught}")
    return 0 if all(verdicts) and caught == len(GUARDS) else 1


def without(guard: str) -> Model:
    """Return the model in which a guard is taken out."""
    return replace(BESIDE if guard in OF_BODIES else SMALL, removed=frozenset({guard}))


def _holds(model: Model) -> bool:
    started = time.monotonic()
    verdict = check(model)
    _say(_protocol(model, verdict, seconds=time.monotonic() - started))
    return verdict.broken is None


def _told(model: Model) -> str:
    amounts = {
        "deliveries": model.deliveries,
        "forgeries": 1,
        "other bodies under the id": model.others,
        "counterfeits under the delivery id": model.counterfeits,
        "processors": model.processors,
        "crashes of receivers": model.receiver_crashes,
        "of processors": model.processor_crashes,
        "failed calls of receivers": model.call_faults,
        "failures to process": model.work_faults,
        "redrives that may edit" if model.edits else "redrives": model.redrives,
        "receives": model.max_receives,
    }
    return ", ".join(f"{what} {count}" for what, count in amounts.items() if count)


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

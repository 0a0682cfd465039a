"""`make model`: the exhaustive check, then each guard taken out in turn, as tables. Exit 1 if anything slips."""

import argparse
import sys
import time
from dataclasses import replace

from tests.model.protocol import GUARDS, Model, check
from tests.tables import table

QUICK = Model(deliveries=2, receiver_crashes=1, processor_crashes=1, work_faults=1)


def main() -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="two deliveries and one crash a side instead of three, two"
    )
    model = QUICK if parser.parse_args().quick else Model()
    started = time.monotonic()
    verdict = check(model)
    budget = (
        f"{model.deliveries} deliveries and a forgery, {model.processors} processors, crashes {model.receiver_crashes}"
        f" + {model.processor_crashes}, {model.send_faults} send faults, {model.work_faults} processing faults,"
        f" {model.redrives} redrive, {model.max_receives} receives"
    )
    rows = [
        ("explored", budget),
        ("states", f"{verdict.states:,}"),
        ("steps", f"{verdict.steps:,}"),
        ("broken invariants", verdict.broken or "none"),
        ("seconds", f"{time.monotonic() - started:.0f}"),
    ]
    sys.stdout.write(table(("protocol", ""), rows) + "\n\n")
    mutations = [(guard, check(_without(guard))) for guard in GUARDS]
    sys.stdout.write(
        table(
            ("guard taken out", "what it does", "caught", "steps", "shortest way there ends with"),
            [
                (
                    guard,
                    GUARDS[guard],
                    found.broken or "NOT CAUGHT",
                    str(len(found.trace)),
                    " > ".join(found.trace[-2:]),
                )
                for guard, found in mutations
            ],
        )
        + "\n"
    )
    is_sound = verdict.broken is None and all(found.broken for _, found in mutations)
    return 0 if is_sound else 1


def _without(guard: str) -> Model:
    return replace(QUICK, removed=frozenset({guard}))


if __name__ == "__main__":
    sys.exit(main())

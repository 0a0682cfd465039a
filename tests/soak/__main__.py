"""`make soak`: print the seed, run, print the books. Exit 1 unless they are clean."""

import argparse
import secrets
import sys
import time
from dataclasses import asdict

from tests.soak.soak import Soak
from tests.tables import table

FULL = 100_000


def main() -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--count", type=int, default=FULL)
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}\n")
    sys.stdout.flush()
    started = time.monotonic()
    books = Soak(seed=chosen.seed, count=chosen.count).run()
    rows = [(name.replace("_", " "), f"{value:,}") for name, value in asdict(books).items()]
    sys.stdout.write(table(("books", ""), [*rows, ("seconds", f"{time.monotonic() - started:.0f}")]) + "\n")
    return 0 if books.is_clean and books.acknowledged == books.sent else 1


if __name__ == "__main__":
    sys.exit(main())

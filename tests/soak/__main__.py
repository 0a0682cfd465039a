"""`make soak`: print the seed, run, print the books. Exit 1 unless they are clean."""

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.soak.apart import environment_apart
from tests.soak.kills import KillBooks, Killing
from tests.soak.soak import Soak
from tests.tables import table

FULL = 100_000
KILLS = 2
"""SIGKILLs in a full run; a shorter one has none unless asked. Each takes under a minute."""
STREAM = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--count", type=int, default=FULL)
    parser.add_argument("--kills", type=int, help=f"SIGKILLs of a local environment; {KILLS} in a full run, else none")
    chosen = parser.parse_args(arguments)
    kills = chosen.kills if chosen.kills is not None else KILLS * (chosen.count >= FULL)
    _say(f"seed {chosen.seed}")
    is_clean = _soak(chosen.seed, chosen.count)
    if not kills:
        _say("\nno SIGKILL of the local environment this time; KILLS=2 adds two")
        return 0 if is_clean else 1
    return 0 if _kill(chosen.seed, kills) and is_clean else 1


def _soak(seed: int, count: int) -> bool:
    started = time.monotonic()
    books = Soak(seed=seed, count=count).run()
    rows = [(name.replace("_", " "), f"{value:,}") for name, value in asdict(books).items()]
    _say(table(("books", ""), [*rows, ("seconds", f"{time.monotonic() - started:.0f}")]))
    return books.is_clean and books.acknowledged == books.sent


def _kill(seed: int, kills: int) -> bool:
    """Kill the engine of an environment of its own, every second time its front door too."""
    started = time.monotonic()
    books: KillBooks | None = None
    with environment_apart() as cli:
        for n in range(kills):
            one = Killing(
                cli=cli, seed=seed + 100 * n, count=STREAM, kills_front_door=n % 2 == 1, folder=Path(cli.home)
            ).run()
            books = books.plus(one) if books else one
    assert books is not None
    rows = [(name.replace("_", " "), _told(value)) for name, value in asdict(books).items()]
    _say("\n" + table(("killed", ""), [*rows, ("seconds", f"{time.monotonic() - started:.0f}")]))
    return books.is_clean


def _told(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

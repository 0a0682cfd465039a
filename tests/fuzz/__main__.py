"""`make fuzz`: a million inputs for the receiver and the parsers, then a table. Exit 1 on the first broken law."""

import argparse
import os
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.targets import BOMBS, HOSTILE, SEEDS, ReceiverTarget, mutated, parse_everything
from tests.tables import table

FULL = 1_000_000
_MEGABYTE_KB = 1024
_HANGS_AFTER_S = 60
"""What the guided fuzzer calls a hang and fails for. It goes by the clock on the wall, and a busy machine may stop a
process for seconds; how long an input may really take is the receiver target's law."""


def main() -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=FULL)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}\n")
    sys.stdout.flush()
    guided, events = chosen.count * 6 // 10, chosen.count // 10
    plain = chosen.count - guided - events
    rows = [
        _guided(guided, chosen.seed),
        _mutations(plain, chosen.seed),
        _receiver(events, chosen.seed),
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _MEGABYTE_KB
    rows.append(("all", f"{chosen.count:,}", "", f"peak memory {peak} MB"))
    sys.stdout.write(table(("target", "inputs", "seconds", "result"), rows) + "\n")
    return 0 if all(row[3] != "BROKEN" for row in rows) else 1


def _guided(count: int, seed: int) -> tuple[str, str, str, str]:
    """Let one fuzzer on each core look for new paths, each from its own seed."""
    started, cores = time.monotonic(), os.cpu_count() or 1
    shares = [count // cores + (n < count % cores) for n in range(cores)]
    with ThreadPoolExecutor(cores) as pool:
        codes = list(pool.map(_guided_on_one_core, shares, range(seed, seed + cores)))
    result = "BROKEN" if any(codes) else "every law holds"
    return "parsers, coverage-guided", f"{count:,}", f"{time.monotonic() - started:.0f}", result


def _guided_on_one_core(count: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for n, body in enumerate((*SEEDS, *HOSTILE)):
            Path(folder, f"seed-{n}").write_bytes(body)
        command = [sys.executable, "-m", "tests.fuzz.parsers", f"-atheris_runs={count}", f"-seed={seed % 2**31 or 1}"]
        limits = [
            "-max_len=4096",
            f"-timeout={_HANGS_AFTER_S}",
            "-rss_limit_mb=512",
            "-verbosity=0",
            f"-artifact_prefix={folder}/",
        ]
        done = subprocess.run([*command, *limits, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(f"{done.stdout[-2000:]}{done.stderr[-4000:]}\nseed {seed}, exit code {done.returncode}\n")
    return done.returncode


def _mutations(count: int, seed: int) -> tuple[str, str, str, str]:
    started, rng = time.monotonic(), random.Random(seed)
    for bomb in BOMBS:
        parse_everything(bomb)
    for _ in range(count):
        parse_everything(mutated(rng, rng.choice(SEEDS)))
    return "parsers, mutations", f"{count:,}", f"{time.monotonic() - started:.0f}", "every law holds"


def _receiver(count: int, seed: int) -> tuple[str, str, str, str]:
    started, target = time.monotonic(), ReceiverTarget(seed=seed)
    target.bombs()
    for _ in range(count):
        target.one()
    result = f"every law holds; {target.verified:,} well signed; slowest {target.slowest_s * 1000:.0f} ms"
    return "receiver, gateway events", f"{count:,}", f"{time.monotonic() - started:.0f}", result


if __name__ == "__main__":
    sys.exit(main())

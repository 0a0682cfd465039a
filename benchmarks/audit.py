"""What `audit verify` and `audit export` cost, and how much memory: `python -m benchmarks.audit [LINES ...]`.

Every size runs in a process of its own: it writes a sealed log of that many lines (two for each webhook) to a
temporary file, verifies it against the rows, and exports it. Processor time must grow in step with the lines, memory
must not grow. Exit 1 otherwise.
"""

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lambdas.shared.audit_record import GENESIS, AuditKey, chain_hash
from lambdas.shared.audit_wire import seal_write
from lambdas.shared.clock import iso
from webhookctl.core.audit.export import ExportedLog, Format, export
from webhookctl.core.audit.proof import BEGINNING, verify_environment
from webhookctl.core.audit.records import AuditFilter, query

SIZES = (10_000, 100_000, 1_000_000)
KEY = AuditKey(id="bench", value=b"benchmark")
START = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b'{"id": "evt"}'
MEMORY_LIMIT_MB = 60
"""How much more the largest size may use than the smallest."""
LINEAR = 2.5
"""How much slower a line may be in the largest size than in the smallest (sorting on disk is n log n)."""


def states(number: int) -> Iterator[dict[str, Any]]:
    """Yield the two states of a webhook: received, processed."""
    at = iso(START + timedelta(milliseconds=20 * number))
    state: dict[str, Any] = {
        "webhookId": f"stripe:evt_{number:08d}",
        "seq": 1,
        "actor": "receiver",
        "provider": "stripe",
        "eventType": "payment_intent.succeeded",
        "eventCreatedAt": at,
        "receivedAt": at,
        "status": "RECEIVED",
        "bodySha256": hashlib.sha256(BODY).hexdigest(),
        "traceId": f"1-69a42a40-{number:024x}",
        "attempts": 0,
        "prevHash": GENESIS,
    }
    state["chainHash"] = chain_hash(GENESIS, state)
    yield state
    done = {
        **state,
        "seq": 2,
        "actor": "processor",
        "status": "PROCESSED",
        "attempts": 1,
        "kind": "payment.succeeded",
        "paymentId": f"pi_{number:08d}",
        "amountMinor": 1200,
        "currency": "EUR",
        "processedAt": at,
        "prevHash": state["chainHash"],
    }
    done["chainHash"] = chain_hash(state["chainHash"], done)
    yield done


class Rows:
    """As many rows as the log has webhooks, made as they are read."""

    def __init__(self, webhooks: int) -> None:
        self._webhooks = webhooks

    def rows(self, *, webhook_id: str | None = None) -> Iterator[Mapping[str, Any]]:
        del webhook_id
        for number in range(self._webhooks):
            *_, last = states(number)
            yield last | {"body": BODY}


def write_log(path: Path, webhooks: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(webhooks):
            for state in states(number):
                event_id = f"{2 * number + state['seq']:032x}"
                line = {"type": "audit", "streamEventId": event_id, "changedAt": state["receivedAt"], **state}
                line |= {"change": "INSERT", "isChained": True}
                if state["seq"] > 1:
                    before = {"status": "RECEIVED", "attempts": 0}
                    line |= {"change": "MODIFY", "previous": before, "previousStatus": "RECEIVED", "previousSeq": 1}
                file.write(json.dumps(seal_write(line, KEY), separators=(",", ":")) + "\n")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(lines: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        write_log(path, lines // 2)
        before = peak_mb()
        started = time.process_time()
        log = ExportedLog(path)
        report = verify_environment(Rows(lines // 2), log, keys=[KEY], now=lambda: START + timedelta(days=400))
        verified = time.process_time()
        found = export(query(log, AuditFilter(), start=BEGINNING), form=Format.JSONL)
        with (Path(folder) / "export.jsonl").open("w", encoding="utf-8") as out:
            exported = sum(out.write(line + "\n") > 0 for line in found)
        ended = time.process_time()
    if report.counts or report.lines != lines or exported != lines:
        raise SystemExit(f"wrong result: {report.counts} {report.lines} {exported}")
    return {
        "lines": lines,
        "verify_cpu_s": round(verified - started, 2),
        "verify_us_per_line": round((verified - started) / lines * 1e6, 1),
        "export_cpu_s": round(ended - verified, 2),
        "export_us_per_line": round((ended - verified) / lines * 1e6, 1),
        "peak_mb": round(peak_mb(), 1),
        "peak_growth_mb": round(peak_mb() - before, 1),
    }


def main(sizes: list[int]) -> int:
    results = []
    for lines in sizes:
        command = [sys.executable, "-m", "benchmarks.audit", "--one", str(lines)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        results.append(json.loads(output))
        print(output.strip(), flush=True)
    first, last = results[0], results[-1]
    is_flat = last["peak_mb"] - first["peak_mb"] <= MEMORY_LIMIT_MB
    is_linear = all(last[key] <= LINEAR * first[key] for key in ("verify_us_per_line", "export_us_per_line"))
    print(f"memory {'flat' if is_flat else 'GROWS'}, time {'linear' if is_linear else 'NOT LINEAR'}")
    return 0 if is_flat and is_linear else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        sys.exit(main([int(word) for word in sys.argv[1:]] or list(SIZES)))

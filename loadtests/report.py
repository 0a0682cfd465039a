"""A load test's report, one HTML file that reads offline: `python -m loadtests.report FOLDER` writes report.html.

The folder holds `observations.json` (a scenario's own record with its bounds) and, from `webhookctl load run`,
`proof.json` (`{"checks": [{"name", "measured", "is_kept"}], "queue_depth": [[epoch second, messages]]}`).
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil
from pathlib import Path
from typing import Any, Final

from loadtests.charts import PALETTE, Line, Marker, chart
from loadtests.observations import BLOCKED, THROTTLED, Observations

_STYLE: Final = """
:root { color-scheme: light dark; --fg: #1d2329; --bg: #fff; --soft: #6b7580; --rule: #dfe3e8; --good: #1a7f37;
  --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6e9ec; --bg: #15191d; --soft: #9aa4ae; --rule: #2d343b;
  --good: #4ac26b; --bad: #ff7b72; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--fg);
  background: var(--bg); }
h1 { font-size: 1.5rem; margin-bottom: 0.2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.sub { color: var(--soft); margin-top: 0; } .verdict { font-size: 1.15rem; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.35rem 0.6rem 0.35rem 0;
  border-bottom: 1px solid var(--rule); vertical-align: top; } th { color: var(--soft); font-weight: 500; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } th.n { text-align: right; }
figure { margin: 1.2rem 0; } figcaption { font-weight: 600; margin-bottom: 0.3rem; } svg { width: 100%; height: auto; }
.grid { stroke: var(--rule); } .tick { fill: var(--soft); font-size: 11px; } .mark { stroke: var(--soft);
  stroke-dasharray: 2 3; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; padding: 0; margin: 0.3rem 0;
  color: var(--soft); font-size: 13px; }
.key { display: inline-block; width: 1.3rem; border-top: 3px solid; vertical-align: middle; margin-right: 0.4rem; }
.key.dashed { border-top-style: dashed; }
"""


def render(record: Mapping[str, Any], proof: Mapping[str, Any]) -> str:
    """Return the report as one HTML document."""
    seen = Observations.from_json(record)
    start = min((second for second, *_ in seen.cells), default=int(record["started_at"]))
    checks = [*record["bounds"], *proof.get("checks", ())]
    broken = [check for check in checks if not check["is_kept"]]
    verdict = (
        f'<p class="verdict bad">{len(broken)} of {len(checks)} bounds broken</p>'
        if broken
        else f'<p class="verdict good">All {len(checks)} bounds kept</p>'
    )
    when = datetime.fromtimestamp(record["started_at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    name = escape(str(record["scenario"]))
    facts = (
        f"{when} &middot; {escape(str(record['host']))} &middot; {record['duration_s']:g} s &middot; limit "
        f"{record['limit']} in {record['window_s']} s per address &middot; WAF lag allowed for {record['lag_s']:g} s"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Load test {name}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f'<h1>Load test: {name}</h1><p class="sub">{facts}</p>{verdict}{_bounds_table(checks)}'
        f"<h2>Over time</h2>{_traffic(seen, start)}{_latency(seen, start)}{_queue(proof, start)}"
        f"<h2>Answers</h2>{_answers(seen)}</body></html>"
    )


def _bounds_table(checks: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td class="{"good" if check["is_kept"] else "bad"}">{"kept" if check["is_kept"] else "broken"}</td>'
        f"<td>{escape(check['name'])}</td><td>{escape(str(check['measured']))}</td>"
        f"<td>{escape(check.get('law', ''))}</td></tr>"
        for check in checks
    )
    return f"<table><tr><th></th><th>Bound</th><th>Measured</th><th>Why</th></tr>{rows}</table>"


def _traffic(seen: Observations, start: int) -> str:
    sent: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    refused: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for (second, role, _, status), cell in seen.cells.items():
        sent[role][second] += cell.count
        if status in (BLOCKED, THROTTLED):
            refused[role][second] += cell.count
    end = max((second for second, *_ in seen.cells), default=start)
    lines = []
    for n, role in enumerate(sent):
        colour = PALETTE[n % len(PALETTE)]
        lines.append(Line(label=f"{_title(seen, role)}: sent", points=_filled(sent[role], start, end), colour=colour))
        if role in refused:
            points = _filled(refused[role], start, end)
            lines.append(Line(label=f"{role}: refused (403/429)", points=points, is_dashed=True, colour=colour))
    markers = []
    for role, mark in seen.marks.items():
        if mark.first_block:
            markers.append(Marker(at=mark.first_block - start, label=f"{role} blocked"))
        if mark.first_allowed_after:
            markers.append(Marker(at=mark.first_allowed_after - start, label=f"{role} let in"))
    return chart("Requests a second, and how many were refused", lines, unit="requests/s", markers=markers)


def _title(seen: Observations, role: str) -> str:
    addresses = sorted({address for _, its_role, address, _ in seen.cells if its_role == role})
    return f"{role} ({addresses[0]})" if len(addresses) == 1 else f"{role} ({len(addresses)} addresses)"


def _filled(counts: Mapping[int, int], start: int, end: int) -> list[tuple[float, float]]:
    return [(float(second - start), float(counts.get(second, 0))) for second in range(start, end + 1)]


def _latency(seen: Observations, start: int) -> str:
    by_second: dict[int, list[float]] = defaultdict(list)
    for (second, _, _, status), cell in seen.cells.items():
        if status not in (BLOCKED, THROTTLED):
            by_second[second].extend(cell.latencies_ms)
    lines = [
        Line(
            label=f"p{share}",
            points=[(float(s - start), percentile(values, share)) for s, values in sorted(by_second.items())],
        )
        for share in (50, 95, 99)
    ]
    return chart("Latency of the requests that were let through", lines, unit="milliseconds")


def _queue(proof: Mapping[str, Any], start: int) -> str:
    points = [(float(at - start), float(depth)) for at, depth in proof.get("queue_depth", ()) if at >= start]
    if not points:
        return ""
    return chart(
        "Messages waiting in the processing queue", [Line(label="queue depth", points=points)], unit="messages"
    )


def _answers(seen: Observations) -> str:
    groups: dict[tuple[str, int], list[float]] = defaultdict(list)
    for (_, role, _, status), cell in seen.cells.items():
        groups[role, status].extend(cell.latencies_ms)
    rows = "".join(
        f'<tr><td>{escape(role)}</td><td>{status or "no answer"}</td><td class="n">{len(values)}</td>'
        + "".join(f'<td class="n">{percentile(values, share):.0f}</td>' for share in (50, 95, 99))
        + f'<td class="n">{max(values):.0f}</td></tr>'
        for (role, status), values in sorted(groups.items())
    )
    head = '<th>Role</th><th>Answer</th><th class="n">Count</th>' + "".join(
        f'<th class="n">{name} ms</th>' for name in ("p50", "p95", "p99", "max")
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of values that need not be sorted; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share / 100) - 1)]


def write_report(folder: Path) -> Path:
    """Write FOLDER/report.html from what the folder holds, and return its path."""
    record = json.loads((folder / "observations.json").read_text(encoding="utf-8"))
    proof_file = folder / "proof.json"
    proof = json.loads(proof_file.read_text(encoding="utf-8")) if proof_file.is_file() else {}
    report = folder / "report.html"
    report.write_text(render(record, proof), encoding="utf-8")
    return report


if __name__ == "__main__":
    write_report(Path(sys.argv[1]))

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
from loadtests.observations import BLOCKED, THROTTLED, Mark, Observations

MOST_CHARTS: Final = 12
_SOURCE_HEIGHT: Final = 170
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
.soft { color: var(--soft); } .label { fill: var(--fg); paint-order: stroke; stroke: var(--bg); stroke-width: 3px; }
"""


def render(record: Mapping[str, Any], proof: Mapping[str, Any]) -> str:
    """Return the report as one HTML document."""
    seen = Observations.from_json(record)
    start = min((second for second, *_ in seen.cells), default=int(record["started_at"]))
    checks = [*record["bounds"], *proof.get("checks", ())]
    when = datetime.fromtimestamp(record["started_at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    name = escape(str(record["scenario"]))
    facts = (
        f"{when} &middot; {escape(str(record['host']))} &middot; {record['duration_s']:g} s &middot; limit "
        f"{record['limit']} in {record['window_s']} s per address &middot; WAF lag allowed for {record['lag_s']:g} s"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Load test {name}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f'<h1>Load test: {name}</h1><p class="sub">{facts}</p>{_verdict(checks, proof)}{_bounds_table(checks)}'
        f"<h2>Requests over time</h2>{_traffic(seen, start)}"
        f"<h2>The intake</h2>{_latency(seen, start)}{_queue(proof, start)}"
        f"<h2>Answers</h2>{_answers(seen)}</body></html>"
    )


def _verdict(checks: Sequence[Mapping[str, Any]], proof: Mapping[str, Any]) -> str:
    tried = [check for check in checks if check.get("is_exercised", True)]
    broken = sum(not check["is_kept"] for check in tried)
    said = f"{broken} of {len(tried)} bounds broken" if broken else f"All {len(tried)} bounds kept"
    if untried := len(checks) - len(tried):
        said += f", {untried} not exercised"
    if proof.get("is_interrupted"):
        said += "; the run was interrupted"
    return f'<p class="verdict {"bad" if broken else "good"}">{said}</p>'


def _bounds_table(checks: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr>{_verdict_cell(check)}<td>{escape(check['name'])}</td><td>{escape(str(check['measured']))}</td>"
        f"<td>{escape(check.get('law', ''))}</td></tr>"
        for check in checks
    )
    return f"<table><tr><th></th><th>Bound</th><th>Measured</th><th>Why</th></tr>{rows}</table>"


def _verdict_cell(check: Mapping[str, Any]) -> str:
    if not check.get("is_exercised", True):
        return '<td class="soft">not exercised</td>'
    return '<td class="good">kept</td>' if check["is_kept"] else '<td class="bad">broken</td>'


def _traffic(seen: Observations, start: int) -> str:
    """Return a chart for each address; for each role where there are more addresses than anybody would look at."""
    addresses = {address for _, _, address, _ in seen.cells}
    sources: dict[tuple[str, str], dict[bool, dict[int, int]]] = {}
    for (second, role, address, status), cell in sorted(seen.cells.items()):
        source = (role, address if len(addresses) <= MOST_CHARTS else "")
        counts = sources.setdefault(source, {False: defaultdict(int), True: defaultdict(int)})
        counts[status in (BLOCKED, THROTTLED)][second] += cell.count
    end = max((second for second, *_ in seen.cells), default=start)
    charts = [
        _source_chart(_title(seen, role, address), seen.marks.get(role), counts, start, end)
        for (role, address), counts in sources.items()
    ]
    return "".join(charts) or chart("Requests", [], unit="requests/s")


def _source_chart(title: str, mark: Mark | None, counts: Mapping[bool, Mapping[int, int]], start: int, end: int) -> str:
    """Return what one source sent, second by second: what was let through, and on top of it what was refused."""
    passed, refused = (_filled(counts[is_refused], start, end) for is_refused in (False, True))
    total = [(at, value + more) for (at, value), (_, more) in zip(passed, refused, strict=True)]
    ground = [(at, 0.0) for at, _ in passed]
    lines = [Line(label="let through", points=passed, over=ground, colour=PALETTE[0])]
    if any(value for _, value in refused):
        lines.append(Line(label="refused (403/429)", points=total, over=passed, colour=PALETTE[1]))
    moments = {"blocked": mark.first_block, "let in again": mark.first_allowed_after} if mark else {}
    markers = [Marker(at=at - start, label=label) for label, at in moments.items() if at]
    return chart(title, lines, unit="requests/s", markers=markers, height=_SOURCE_HEIGHT)


def _title(seen: Observations, role: str, address: str) -> str:
    if address:
        return f"{address}: {role}"
    return f"{role}, {len({a for _, its_role, a, _ in seen.cells if its_role == role})} addresses"


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

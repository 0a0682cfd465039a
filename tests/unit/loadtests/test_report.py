"""Laws of the report."""

import re

from loadtests.charts import Line, Marker, chart
from loadtests.observations import Observations
from loadtests.report import percentile, render


def record(*, is_kept: bool = True) -> dict[str, object]:
    seen = Observations()
    for second in range(30):
        status = 403 if second > 20 else 200
        seen.add(
            at=1000 + second, role="above", address="127.0.0.2", status=status, latency_ms=5, webhook_id=str(second)
        )
    seen.mark("above").first_block = 1021.0
    bound = {"name": "above <is> blocked", "law": "limit & lag", "measured": "21 s", "is_kept": is_kept}
    return {
        "scenario": "rate_limit",
        "host": "http://127.0.0.1:1/prod",
        "started_at": 1000.0,
        "duration_s": 30.0,
        "lag_s": 0.0,
        "limit": 600,
        "window_s": 60,
        "bounds": [bound],
        **seen.to_json(),
    }


def test_a_report_needs_nothing_from_outside() -> None:
    """No script, style sheet, font or picture is fetched."""
    page = render(record(), {"queue_depth": [[1000, 1], [1005, 4]]})
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import|src=", page)
    assert page.count("<svg") == 3


def test_a_report_names_what_broke() -> None:
    """The verdict counts broken bounds, and text is escaped."""
    page = render(record(is_kept=False), {})
    assert "1 of 1 bounds broken" in page
    assert "above &lt;is&gt; blocked" in page
    assert "All 1 bounds kept" in render(record(), {})


def test_a_broken_proof_breaks_the_verdict() -> None:
    """What the table, queue and audit log say counts like a bound."""
    checks = [{"name": "nothing acknowledged is missing", "measured": "1 missing", "is_kept": False}]
    assert "1 of 2 bounds broken" in render(record(), {"checks": checks})


def test_an_empty_run_still_makes_a_page() -> None:
    """No request at all is said in words, not by a crash."""
    empty = record() | Observations().to_json()
    assert "Nothing was recorded" in render(empty, {})


def test_percentiles_are_nearest_rank() -> None:
    """The p-th percentile is a value that occurred."""
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([], 50) == 0
    assert percentile([7.0], 99) == 7


def test_a_chart_of_one_point_is_drawn() -> None:
    """A single value is a dot, not an invisible line."""
    assert "<circle" in chart("t", [Line(label="a", points=[(0.0, 3.0)])], unit="n")


def test_each_address_has_a_chart_of_its_own() -> None:
    """Two roles of one address and one of another are told apart; what was refused stands on what was let through."""
    seen = Observations.from_json(record())
    seen.add(at=1003, role="below", address="127.0.0.3", status=200, latency_ms=5, webhook_id="w")
    page = render(record() | seen.to_json(), {})
    for title in ("127.0.0.2: above", "127.0.0.3: below"):
        assert f"<figcaption>{title}</figcaption>" in page
    assert page.count("<polygon") == 3
    assert len(set(re.findall(r'<polygon[^>]* fill="(#[0-9a-f]+)"', page))) == 2


def test_many_addresses_are_one_chart_for_each_role() -> None:
    """Fifty charts would be read by nobody."""
    seen = Observations()
    for n in range(50):
        seen.add(at=1000 + n, role="burst", address=f"127.0.4.{n}", status=200, latency_ms=5, webhook_id=str(n))
    page = render(record() | seen.to_json(), {})
    assert "<figcaption>burst, 50 addresses</figcaption>" in page
    assert page.count("<figure>") == 2


def test_labels_of_one_moment_do_not_cover_each_other() -> None:
    """Each marker whose label would meet another's stands a row lower."""
    markers = [Marker(at=at, label="blocked") for at in (10.0, 10.5, 11.0, 60.0)]
    page = chart("t", [Line(label="a", points=[(0.0, 1.0), (100.0, 1.0)])], unit="n", markers=markers)
    rows = [int(y) for y in re.findall(r'class="tick label" x="[0-9.]+" y="([0-9]+)"', page)]
    assert len(set(rows[:3])) == 3
    assert rows[3] == rows[0]


def test_what_was_not_exercised_is_neither_kept_nor_broken() -> None:
    """The verdict counts it apart; an interrupted run says that it was."""
    checks = [{"name": "n", "law": "l", "measured": "not exercised: w", "is_kept": True, "is_exercised": False}]
    page = render(record() | {"bounds": checks}, {"checks": record()["bounds"], "is_interrupted": True})
    assert "All 1 bounds kept, 1 not exercised; the run was interrupted" in page
    assert '<td class="soft">not exercised</td>' in page

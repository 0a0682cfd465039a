"""Laws of sampled requests."""

from dataclasses import replace

from tests.fakes_web_acl import acl, byte_match, request, rule
from webhookctl.local.waf.ledger import WafLedger
from webhookctl.local.waf.request import WafRequest
from webhookctl.local.waf.samples import SAMPLE_AGE_S, SAMPLE_LIMIT, Sample, Samples, draw, sampled_request

BLOCKED, PASSED = request(path="/prod/webhook/paypal"), request()


def filled(*batches: tuple[float, int]) -> Samples:
    """Return samples of so many requests at each time."""
    kept = Samples()
    for at, count in batches:
        for _ in range(count):
            kept.add(at, lambda at=at: sample(at))  # type: ignore[misc]
    return kept


def sample(at: float, one: WafRequest = PASSED) -> Sample:
    return Sample(at=at, action="ALLOW", request=one)


def test_a_busy_rule_pushes_out_nothing_of_a_quiet_one() -> None:
    """500 blocked requests are all there after 6,000 others of two minutes."""
    web, ledger = acl(rule("quiet", 0, byte_match("paypal", "ENDS_WITH", {"UriPath": {}}))), WafLedger()
    for n in range(500):
        ledger.record(BLOCKED, web.evaluate(BLOCKED, 0), at=1000 + n / 100)
    for n in range(6000):
        ledger.record(PASSED, web.evaluate(PASSED, 0), at=1010 + n / 50)
    drawn = ledger.samples("quietMetric", 0, 2000, 500)
    assert (len(drawn.samples), drawn.population) == (500, 500)
    assert {one.action for one in drawn.samples} == {"BLOCK"}


def test_three_hours_are_there_and_no_more() -> None:
    """A request just inside three hours is found, one before is forgotten."""
    kept = filled((60.0, 1), (SAMPLE_AGE_S / 2, 1), (SAMPLE_AGE_S + 120, 1))
    assert [one.at for one in draw([kept], 0, 1e6, 500).samples] == [SAMPLE_AGE_S / 2, SAMPLE_AGE_S + 120]


def test_memory_is_bounded_whatever_comes() -> None:
    """An hour of 1,000 requests a minute keeps a few thousand samples, each minute represented."""
    kept = filled(*((minute * 60.0, 1000) for minute in range(60)))
    found = list(kept.between(0, 1e6))
    assert len(found) < 4_000
    assert len({one.at for one in found}) == 60


def test_weights_stand_for_the_requests_that_were_not_kept() -> None:
    """However thinned out, a minute's samples weigh what its requests were."""
    kept = filled(*((minute * 60.0, 1000) for minute in range(8)))
    assert sum(one.weight for one in kept.between(0, 59)) == 1000
    drawn = draw([kept], 0, 179, 10)
    assert len(drawn.samples) == 10
    assert sum(one.weight for one in drawn.samples) == 3000


def test_at_most_500_of_a_population_of_5000_are_told() -> None:
    """The API's own limits."""
    drawn = draw([filled((0.0, 7000))], 0, 60, SAMPLE_LIMIT)
    assert (len(drawn.samples), drawn.population) == (500, 5000)


def test_the_time_range_is_kept() -> None:
    """Only what lies in it is drawn, in the order of time."""
    kept = filled((10.0, 1), (20.0, 1), (30.0, 1), (95.0, 1))
    assert [one.at for one in draw([kept], 15, 30, 500).samples] == [20.0, 30.0]


def test_a_switch_turns_metrics_or_samples_off() -> None:
    """A rule whose VisibilityConfig says so leaves no sample, or no metric of its own."""
    quiet = {"MetricName": "it", "SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": "false"}
    statement = byte_match("", "CONTAINS", {"UriPath": {}})
    web, ledger = acl(rule("it", 0, statement, VisibilityConfig=quiet)), WafLedger()
    ledger.record(PASSED, web.evaluate(PASSED, 0), at=1)
    assert ledger.samples("ALL", 0, 2, 500).samples == []
    assert [(count.metric, count.rule) for count in ledger.drain_counts()] == [("BlockedRequests", "ALL")]


def test_a_changed_switch_of_the_web_acl_is_followed() -> None:
    """The default action is no longer sampled once the web ACL says so; what there is stays."""
    web, ledger = acl(), WafLedger(acl().visibility)
    ledger.record(PASSED, web.evaluate(PASSED, 0), at=1)
    ledger.follow(replace(web.visibility, is_sampled=False, metric="renamed"))
    ledger.record(PASSED, web.evaluate(PASSED, 0), at=2)
    assert ledger.acl_metric == "renamed"
    assert [one.at for one in ledger.samples("ALL", 0, 3, 500).samples] == [1]


def test_a_sample_shows_no_signature_and_only_readable_text() -> None:
    """Headers that nobody is shown are not even kept; a stray byte does not break the reader."""
    one = request(headers={"user-agent": "x\udcff", "stripe-signature": "secret"}, path="/prod/\udcff")
    web, ledger = acl(), WafLedger()
    ledger.record(one, web.evaluate(one, 0), at=1)
    (kept,) = ledger.samples("Default_Action", 0, 2, 500).samples
    shown = sampled_request(kept)
    assert "secret" not in str(kept)
    assert shown["Request"]["URI"] == "/prod/\N{REPLACEMENT CHARACTER}"
    str(shown).encode()

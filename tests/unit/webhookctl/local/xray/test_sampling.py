"""Sampling at the front door follows the stack's rule."""

from pathlib import Path

from webhookctl.local.xray.sampling import Sampler, remember, rules_file

SERVICE = "payment-webhooks-local/prod"


def _rule(reservoir: int, rate: float) -> dict[str, object]:
    return {"RuleName": "r", "ServiceName": SERVICE, "Priority": 1, "ReservoirSize": reservoir, "FixedRate": rate}


def _sampler(path: Path, chances: list[float], now: list[float]) -> Sampler:
    return Sampler(path, clock=lambda: now[0], chance=lambda: chances.pop(0))


def test_without_a_rule_every_request_is_traced(tmp_path: Path) -> None:
    """Nothing is lost before the first deployment, or by a damaged file."""
    path = rules_file(tmp_path)
    assert _sampler(path, [], [0.0]).decide(SERVICE)
    path.parent.mkdir()
    path.write_text("{")
    assert _sampler(path, [], [0.0]).decide(SERVICE)


def test_the_reservoir_goes_first_then_the_rate(tmp_path: Path) -> None:
    """Two of each second for certain, then a share of one in a hundred."""
    path, now = rules_file(tmp_path), [10.0]
    remember(path, "r", _rule(2, 0.01))
    sampler = _sampler(path, [0.5, 0.005, 0.9], now)
    assert [sampler.decide(SERVICE) for _ in range(4)] == [True, True, False, True]
    now[0] = 11.0
    assert [sampler.decide(SERVICE) for _ in range(3)] == [True, True, False]


def test_a_changed_rule_counts_at_once_and_another_service_is_untouched(tmp_path: Path) -> None:
    """A deployment needs no restart of the front door."""
    path = rules_file(tmp_path)
    sampler = _sampler(path, [0.5, 0.5], [10.0])
    remember(path, "r", _rule(0, 0.0))
    assert not sampler.decide(SERVICE)
    assert sampler.decide("another/prod")
    remember(path, "r", _rule(0, 0.75))
    assert sampler.decide(SERVICE)
    remember(path, "r", None)
    assert sampler.decide(SERVICE)

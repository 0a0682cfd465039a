"""Secrets: cached for a while, refreshed on demand, kept through an outage."""

import pytest

from lambdas.shared.errors import UnavailableError
from lambdas.shared.secret_store import FRESH_S, REFRESH_EVERY_S, STALE_S, SecretStore
from tests.fakes_aws import FakeAws, Fault


def store(aws: FakeAws) -> SecretStore[str]:
    """Return a store of plain texts."""
    return SecretStore(aws.client("secretsmanager"), str, monotonic=aws.clock)


def test_a_fresh_secret_is_not_fetched_again() -> None:
    """One call per life."""
    aws = FakeAws(secrets={"a": "1"})
    secrets = store(aws)
    assert [secrets.get("a") for _ in range(3)] == ["1"] * 3
    assert aws.calls["GetSecretValue"] == 1
    aws.secrets["a"] = "2"
    aws.clock.advance(FRESH_S)
    assert secrets.get("a") == "2"


def test_an_outage_is_bridged_for_a_bounded_time() -> None:
    """Warm instances go on with what they have; not for ever, and a cold one can't."""
    aws = FakeAws(secrets={"a": "1"})
    secrets = store(aws)
    secrets.get("a")
    aws.fault_for = lambda _: Fault.DENIED
    aws.clock.advance(FRESH_S)
    assert secrets.get("a") == "1"
    aws.clock.advance(STALE_S)
    for cold in (secrets, store(aws)):
        with pytest.raises(UnavailableError):
            cold.get("a")


def test_a_refresh_tells_only_of_news_and_not_too_often() -> None:
    """A flood of forgeries costs one call per interval."""
    aws = FakeAws(secrets={"a": "1"})
    secrets = store(aws)
    secrets.get("a")
    aws.secrets["a"] = "2"
    assert secrets.refresh("a") is None
    aws.clock.advance(REFRESH_EVERY_S)
    assert secrets.refresh("a") == "2"
    aws.clock.advance(REFRESH_EVERY_S)
    assert secrets.refresh("a") is None
    assert secrets.get("a") == "2"
    aws.clock.advance(REFRESH_EVERY_S)
    aws.fault_for = lambda _: Fault.ERROR
    assert secrets.refresh("a") is None

"""Quotas: each that is too small is told with its remedy; those that suffice are not."""

from dataclasses import replace
from typing import Any

import pytest

from stack.settings import Settings, settings_for
from tests.fakes_doctor import Account, Clinic
from webhookctl.core.doctor.examine import examine
from webhookctl.core.doctor.patient import FAILED, OK, WARNING
from webhookctl.core.doctor.quotas import shortages

ENOUGH = Account().limits
FULL = ENOUGH.code_bytes_max
DEV, PROD = settings_for("dev"), settings_for("prod")
SHARED_ROLE = settings_for("dev", overrides={"api_account_role": False})
SHORT: dict[str, tuple[dict[str, Any], Settings, str, str]] = {
    "new account": ({"executions": 10}, DEV, "as a new account has", "L-B99A9384"),
    "too many processors": ({"executions": 50}, PROD, "the processors may take 50", "maximum_concurrency"),
    "code nearly full": ({"code_bytes": FULL * 95 // 100}, DEV, "71.2 of 75 GB", "delete-layer-version"),
    "code full": ({"code_bytes": FULL}, DEV, "75.0 of 75 GB", "delete-layer-version"),
    "slow gateway": ({"requests_per_s": 500.0}, DEV, "500 requests a second", "'Throttle rate'"),
    "small bursts": ({"burst": 400}, DEV, "(burst 400)", "'Throttle rate'"),
    "no role": ({"has_gateway_log_role": False}, SHARED_ROLE, "no API Gateway logging role", "api_account_role = true"),
}
FATAL = {"code full", "no role"}


@pytest.mark.parametrize("name", SHORT)
def test_a_quota_that_is_too_small_is_told_with_its_remedy(name: str) -> None:
    """One finding each, and whether a deployment would fail."""
    changed, settings, detail, remedy = SHORT[name]
    (short,) = shortages(replace(ENOUGH, **changed), settings)
    assert detail in short.detail
    assert remedy in short.remedy
    assert short.is_fatal is (name in FATAL)


@pytest.mark.parametrize("environment", ["dev", "prod", "local"])
def test_an_account_as_aws_raises_it_is_enough(environment: str) -> None:
    """A thousand executions, ten thousand requests a second; the role is the stack's own affair by default."""
    assert list(shortages(replace(ENOUGH, has_gateway_log_role=False), settings_for(environment))) == []


@pytest.mark.parametrize(("changed", "result"), [({}, OK), ({"burst": 1}, WARNING), ({"code_bytes": FULL}, FAILED)])
def test_the_doctor_fails_for_fatal_shortages_only(changed: dict[str, Any], result: str) -> None:
    """The others are warnings: an environment works with them until there is load."""
    clinic = Clinic()
    clinic.account.limits = replace(ENOUGH, **changed)
    assert {f.check: f.result for f in examine(clinic.patient())}["quotas"] == result

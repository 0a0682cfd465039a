"""The rate limit under load on the deployed local environment: kept, and found out when it is not."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import Cli
from webhookctl.local import environment
from webhookctl.local.places import Places

pytestmark = [pytest.mark.integration, pytest.mark.load]

FOLLOW_S = 4
"""The front door looks at the web ACL every second."""


@pytest.fixture(autouse=True)
def no_lag(deployed: Cli) -> Iterator[None]:
    """Play a WAF that acts at once, whatever the test before chose, and AWS's usual one afterwards."""
    assert deployed.code("local", "up", "--waf-lag", "0")[0] == 0
    time.sleep(FOLLOW_S)
    yield
    deployed.code("local", "up", "--waf-lag", "30")


def aws(deployed: Cli, service: str) -> Any:
    """Return a client of the engine itself."""
    variables = environment.env(Places(deployed.home / "local"))
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@contextlib.contextmanager
def throttled_stage(deployed: Cli, *, rate_rps: float, burst: int) -> Iterator[None]:
    """Lower the stage's throttle behind the stack's back, and put it back."""
    client, api = aws(deployed, "apigateway"), deployed.json("outputs")["ApiId"]
    settings = client.get_stage(restApiId=api, stageName="prod")["methodSettings"]["*/*"]

    def put(rate: float, size: int) -> None:
        values = {"rateLimit": f"{rate:g}", "burstLimit": str(size)}
        patch = [{"op": "replace", "path": f"/*/*/throttling/{name}", "value": v} for name, v in values.items()]
        client.update_stage(restApiId=api, stageName="prod", patchOperations=patch)
        time.sleep(FOLLOW_S)

    put(rate_rps, burst)
    try:
        yield
    finally:
        put(settings["throttlingRateLimit"], settings["throttlingBurstLimit"])


@contextlib.contextmanager
def changed_rules(deployed: Cli, change: Any) -> Iterator[None]:
    """Change the web ACL's rules behind the stack's back, and put them back."""
    client = aws(deployed, "wafv2")
    name, uid = deployed.json("outputs")["WebAclArn"].rsplit("/", 2)[1:]
    before = client.get_web_acl(Name=name, Scope="REGIONAL", Id=uid)

    def put(rules: list[Any]) -> None:
        token = client.get_web_acl(Name=name, Scope="REGIONAL", Id=uid)["LockToken"]
        acl = before["WebACL"]
        client.update_web_acl(
            Name=name,
            Scope="REGIONAL",
            Id=uid,
            DefaultAction=acl["DefaultAction"],
            Rules=rules,
            VisibilityConfig=acl["VisibilityConfig"],
            LockToken=token,
        )
        time.sleep(FOLLOW_S)

    original = json.loads(json.dumps(before["WebACL"]["Rules"]))
    put(change(json.loads(json.dumps(original))))
    try:
        yield
    finally:
        put(original)


def without_rate_rule(rules: list[Any]) -> list[Any]:
    return [rule for rule in rules if "RateBasedStatement" not in rule["Statement"]]


def twice_the_limit(rules: list[Any]) -> list[Any]:
    for rule in rules:
        if "RateBasedStatement" in rule["Statement"]:
            rule["Statement"]["RateBasedStatement"]["Limit"] = 1200
    return rules


def run(deployed: Cli, folder: Path, *words: str, scenario: str = "rate_limit") -> tuple[int, dict[str, Any]]:
    """Run a scenario and return its exit code and verdict."""
    code, text = deployed.code("load", "run", scenario, "--out", str(folder), *words, "-o", "json")
    return code, json.loads(text)


def broken(verdict: dict[str, Any]) -> set[str]:
    return {bound["bound"] for bound in verdict["bounds"] if bound["verdict"] != "kept"}


def test_the_limit_is_kept_with_a_master_and_two_workers(deployed: Cli, tmp_path: Path) -> None:
    """Blocked above, never below, let in again, nothing acknowledged missing: exit 0 and an offline report."""
    code, verdict = run(deployed, tmp_path, "--workers", "2")
    assert (code, broken(verdict)) == (0, set())
    assert verdict["sent"] > 1200
    assert verdict["acknowledged"] > 300
    page = (tmp_path / "report.html").read_text()
    assert "bounds kept" in page
    assert "just_above" in page


def test_a_missing_rule_is_found_out(deployed: Cli, tmp_path: Path) -> None:
    """Without the rate rule the run ends with exit 7 and says that nobody was blocked."""
    with changed_rules(deployed, without_rate_rule):
        code, verdict = run(deployed, tmp_path, "--seconds", "70")
    assert code == 7
    assert "above is blocked" in broken(verdict)
    assert not any("missing" in name for name in broken(verdict))


def test_twice_the_limit_is_found_out(deployed: Cli, tmp_path: Path) -> None:
    """A limit of 20/s ends with exit 7: the address at 15/s is never blocked."""
    with changed_rules(deployed, twice_the_limit):
        code, verdict = run(deployed, tmp_path, "--seconds", "75")
    assert code == 7
    assert {"just_above is blocked", "above is blocked in time"} & broken(verdict)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lag_s", ["10", "30", "60"])
def test_the_verdict_is_the_same_however_late_the_firewall_acts(deployed: Cli, tmp_path: Path, lag_s: str) -> None:
    """Each lag profile: every bound kept, because the bounds allow for what AWS does."""
    code, verdict = run(deployed, tmp_path, "--waf-lag", lag_s)
    assert (code, broken(verdict)) == (0, set())


def test_a_burst_is_throttled_and_lands_on_retry(deployed: Cli, tmp_path: Path) -> None:
    """Above the stage's rate 429 is answered, the bucket lets no more through than it holds, and nothing is lost."""
    with throttled_stage(deployed, rate_rps=9, burst=10):
        code, verdict = run(deployed, tmp_path, "--rate", "12", "--seconds", "45", scenario="burst")
    assert (code, broken(verdict)) == (0, set())
    (throttled,) = (bound for bound in verdict["bounds"] if bound["bound"] == "the stage throttles")
    assert int(throttled["measured"].split()[0]) > 10


def test_a_probe_measures_the_deployed_limit_and_names_its_rule(deployed: Cli) -> None:
    """`waf probe` finds 600 in 60 s and the rule; `waf status` lists the address as blocked."""
    found = deployed.json("waf", "probe", "--waf-lag", "0", "--source", "127.0.0.78")
    assert found["agrees"]
    assert found["deployed_limit"] == 600
    assert found["blocked_by"] == "rate-per-address"
    assert "127.0.0.78/32" in deployed.json("waf", "status")["blocked_addresses"]

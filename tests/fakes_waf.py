"""A web ACL that answers what a test says."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webhookctl.core.waf import DEFAULT_ACTION, Rule

RATE = Rule(priority=0, name="rate", metric="rateMetric", action="Block", limit=600, window_s=60, counts_by="IP")
COUNTING = Rule(priority=1, name="bad", metric="badMetric", action="managed")


class FakeAcl:
    """Implements core's web ACL port. `blocked` are the addresses that rate rules block."""

    name = "acl"

    def __init__(self, rules: list[Rule] | None = None, *, blocked: list[str] | None = None) -> None:
        self._rules = [RATE, COUNTING] if rules is None else rules
        self.blocked = blocked or []
        self.samples: list[Mapping[str, Any]] = []

    def rules(self) -> list[Rule]:
        """Return the rules."""
        return self._rules

    def default_action(self) -> str:
        """Let pass what no rule ends."""
        return "Allow"

    def counts(self, since: datetime, until: datetime) -> Mapping[tuple[str, str], int]:
        """Return a few counts."""
        assert since < until
        return {("BlockedRequests", "rateMetric"): 7, ("AllowedRequests", DEFAULT_ACTION): 12}

    def blocked_addresses(self, rule: str) -> list[str]:
        """Return the blocked, of a rule by address only, as AWS does."""
        assert next(one for one in self._rules if one.name == rule).limits_addresses
        return self.blocked

    def sampled(self, rule_metric: str, since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        """Return the samples, all of one rule."""
        assert since <= until
        return self.samples if rule_metric == "badMetric" else []

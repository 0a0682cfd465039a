"""AWS WAF: reads the web ACL of the environment's stage, its counts, its blocked addresses and its samples."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from webhookctl.aws.session import AwsSession, ClientError, error_code
from webhookctl.core.waf import DEFAULT_ACTION, Rule
from webhookctl.errors import NotFoundError

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_wafv2 import WAFV2Client
    from types_boto3_wafv2.type_defs import WebACLTypeDef

_DEFAULT_WINDOW_S: Final = 300
_METRICS: Final = ("AllowedRequests", "BlockedRequests", "CountedRequests")
_SAMPLES: Final = 500


class WebAcl:
    """Implements core's web ACL port for one ACL, by its ARN."""

    def __init__(self, session: AwsSession, arn: str) -> None:
        self._waf: WAFV2Client = session.client("wafv2")
        self._cloudwatch: CloudWatchClient = session.client("cloudwatch")
        self._region = session.region
        self._arn = arn
        self.name, self._id = arn.rsplit("/", 2)[1:]
        self._ranges: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _acl(self) -> "WebACLTypeDef":
        try:
            return self._waf.get_web_acl(Name=self.name, Scope="REGIONAL", Id=self._id)["WebACL"]
        except ClientError as error:
            if error_code(error) == "WAFNonexistentItemException":
                raise NotFoundError(f"web ACL {self.name!r} does not exist", hint="webhookctl deploy") from error
            raise

    def rules(self) -> list[Rule]:
        """Return the rules by priority, as they were when first asked for."""
        return sorted((self._rule(rule) for rule in self._acl["Rules"]), key=lambda rule: rule.priority or 0)

    def default_action(self) -> str:
        """Return what is done with requests that no rule ends."""
        return next(iter(self._acl["DefaultAction"]))

    def counts(self, since: datetime, until: datetime) -> Mapping[tuple[str, str], int]:
        """Return the sums of each metric by rule, and of the default action."""
        sums: dict[tuple[str, str], int] = {}
        period = max(60, -(-int((until - since).total_seconds()) // 60) * 60)
        for rule_metric in (*(rule.metric for rule in self.rules()), DEFAULT_ACTION):
            for metric in _METRICS:
                points = self._cloudwatch.get_metric_statistics(
                    Namespace="AWS/WAFV2",
                    MetricName=metric,
                    Dimensions=[
                        {"Name": "WebACL", "Value": self._acl["VisibilityConfig"]["MetricName"]},
                        {"Name": "Region", "Value": self._region},
                        {"Name": "Rule", "Value": rule_metric},
                    ],
                    StartTime=since,
                    EndTime=until,
                    Period=period,
                    Statistics=["Sum"],
                )["Datapoints"]
                sums[metric, rule_metric] = int(sum(point["Sum"] for point in points))
        return sums

    def blocked_addresses(self, rule: str) -> list[str]:
        """Return the addresses that a rate rule blocks now."""
        keys = self._waf.get_rate_based_statement_managed_keys(
            Scope="REGIONAL", WebACLName=self.name, WebACLId=self._id, RuleName=rule
        )
        return [*keys["ManagedKeysIPV4"]["Addresses"], *keys["ManagedKeysIPV6"]["Addresses"]]

    def sampled(self, rule_metric: str, since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        """Return sampled requests of a rule."""
        answer = self._waf.get_sampled_requests(
            WebAclArn=self._arn,
            RuleMetricName=rule_metric,
            Scope="REGIONAL",
            TimeWindow={"StartTime": since, "EndTime": until},
            MaxItems=_SAMPLES,
        )
        return [dict(sample) for sample in answer["SampledRequests"]]

    def _rule(self, rule: Any) -> Rule:  # noqa: ANN401 - wafv2's own shape
        rate = rule["Statement"].get("RateBasedStatement") or {}
        only, never = self._scope(rate.get("ScopeDownStatement") or {})
        return Rule(
            priority=int(rule["Priority"]),
            name=rule["Name"],
            metric=rule["VisibilityConfig"]["MetricName"],
            action=_action(rule),
            limit=int(rate["Limit"]) if rate else None,
            window_s=int(rate.get("EvaluationWindowSec", _DEFAULT_WINDOW_S)) if rate else None,
            counts_by=str(rate["AggregateKeyType"]) if rate else None,
            only=only,
            never=never,
        )

    def _scope(self, statement: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:  # noqa: ANN401 - wafv2's own shape
        """Return the ranges that a scope-down statement picks, and those that it spares; nothing of any other form."""
        inner = statement.get("NotStatement", {}).get("Statement")
        return ((), self._ranges_of(inner)) if inner else (self._ranges_of(statement), ())

    def _ranges_of(self, statement: Any) -> tuple[str, ...]:  # noqa: ANN401 - wafv2's own shape
        """Return the ranges of an address set, or of an Or of such sets."""
        alternatives = statement.get("OrStatement", {}).get("Statements") or [statement]
        sets = [one.get("IPSetReferenceStatement", {}).get("ARN") for one in alternatives]
        return tuple(text for arn in sets for text in self._addresses(arn)) if all(sets) else ()

    def _addresses(self, arn: str) -> tuple[str, ...]:
        if arn not in self._ranges:
            name, uid = arn.rsplit("/", 2)[1:]
            found = self._waf.get_ip_set(Name=name, Scope="REGIONAL", Id=uid)["IPSet"]["Addresses"]
            self._ranges[arn] = tuple(found)
        return self._ranges[arn]


def _action(rule: Any) -> str:  # noqa: ANN401 - wafv2's own shape
    """Return a rule's own action; a group's rules have theirs, unless they are overridden."""
    own = next(iter(rule.get("Action") or {}), None)
    if own is not None:
        return str(own)
    return "Count" if "Count" in (rule.get("OverrideAction") or {}) else "managed"

"""AWS WAF: reads the web ACL of the environment's stage, its counts, its blocked addresses and its samples."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from webhookctl.aws.session import AwsSession, ClientError, error_code
from webhookctl.core.waf import Rule
from webhookctl.errors import NotFoundError

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_wafv2 import WAFV2Client

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
        self._metric = self.name

    def rules(self) -> list[Rule]:
        """Return the rules by priority."""
        try:
            acl = self._waf.get_web_acl(Name=self.name, Scope="REGIONAL", Id=self._id)["WebACL"]
        except ClientError as error:
            if error_code(error) == "WAFNonexistentItemException":
                raise NotFoundError(f"web ACL {self.name!r} does not exist", hint="webhookctl deploy") from error
            raise
        self._metric = acl["VisibilityConfig"]["MetricName"]
        return sorted((_rule(rule) for rule in acl["Rules"]), key=lambda rule: rule.priority)

    def counts(self, since: datetime, until: datetime) -> Mapping[tuple[str, str], int]:
        """Return the sums of each metric by rule."""
        sums: dict[tuple[str, str], int] = {}
        period = max(60, -(-int((until - since).total_seconds()) // 60) * 60)
        for rule in self.rules():
            for metric in _METRICS:
                points = self._cloudwatch.get_metric_statistics(
                    Namespace="AWS/WAFV2",
                    MetricName=metric,
                    Dimensions=[
                        {"Name": "WebACL", "Value": self._metric},
                        {"Name": "Region", "Value": self._region},
                        {"Name": "Rule", "Value": rule.metric},
                    ],
                    StartTime=since,
                    EndTime=until,
                    Period=period,
                    Statistics=["Sum"],
                )["Datapoints"]
                sums[metric, rule.metric] = int(sum(point["Sum"] for point in points))
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


def _rule(rule: Any) -> Rule:  # noqa: ANN401 - wafv2's own shape
    rate = rule["Statement"].get("RateBasedStatement")
    action = next(iter(rule.get("Action") or {}), None)
    if action is None:
        override = next(iter(rule.get("OverrideAction") or {"None": {}}))
        action = "Count" if override == "Count" else "managed"
    return Rule(
        priority=int(rule["Priority"]),
        name=rule["Name"],
        metric=rule["VisibilityConfig"]["MetricName"],
        action=action,
        limit=int(rate["Limit"]) if rate else None,
        window_s=int(rate.get("EvaluationWindowSec", _DEFAULT_WINDOW_S)) if rate else None,
    )

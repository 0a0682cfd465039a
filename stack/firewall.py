"""AWS WAF in front of the stage: rate rules, known bad inputs, address reputation, logging."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from stack import limits, outputs
from stack.log_group import LogGroup
from stack.settings import Settings

Acl = wafv2.CfnWebACL
Logging = wafv2.CfnLoggingConfiguration
SIGNATURE_HEADERS = ("stripe-signature", "paypal-transmission-sig", "x-square-hmacsha256-signature", "authorization")

_BLOCK: Final = {"action": Acl.RuleActionProperty(block=Acl.BlockActionProperty())}
_COUNT: Final = {"override_action": Acl.OverrideActionProperty(count={})}
_AS_THE_GROUP_SAYS: Final = {"override_action": Acl.OverrideActionProperty(none={})}
_ACTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    outputs.WAF_RATE_RULE: _BLOCK,
    outputs.WAF_PROVIDER_RULE: _BLOCK,
    outputs.WAF_BAD_INPUTS_RULE: _AS_THE_GROUP_SAYS,
    outputs.WAF_REPUTATION_RULE: _COUNT,
}


class Firewall(Construct):
    """The web ACL of a stage.

    600 requests in 60 s from one address (10 a second), then Block until the rate falls. AWS looks about every
    10 s and acts with a lag. Addresses on the providers' allow-list have a limit of their own. The common rule set is
    left out: its body rules break webhooks. Anonymous and hosting addresses pass: providers call from clouds.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, key: kms.Key, stage_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.acl = Acl(
            self,
            "Acl",
            name=outputs.web_acl_name(settings.environment),
            scope="REGIONAL",
            default_action=Acl.DefaultActionProperty(allow=Acl.AllowActionProperty()),
            visibility_config=_metrics(outputs.web_acl_name(settings.environment)),
            rules=self._rules(),
        )
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=self.acl.attr_arn)
        self.log = LogGroup(
            self, "Log", name=outputs.waf_log_group_name(settings.environment), settings=settings, key=key
        )
        self._logging()

    def _rules(self) -> list[Acl.RuleProperty]:
        known = self._provider_statements()
        statements = {outputs.WAF_RATE_RULE: _rate(limits.WAF_RATE_LIMIT, scope_down=_none_of(known))}
        if known:
            limit = self._settings.provider_rate_limit
            statements[outputs.WAF_PROVIDER_RULE] = _rate(limit, scope_down=_any_of(known))
        statements[outputs.WAF_BAD_INPUTS_RULE] = _managed("AWSManagedRulesKnownBadInputsRuleSet")
        statements[outputs.WAF_REPUTATION_RULE] = _managed("AWSManagedRulesAmazonIpReputationList")
        return [
            Acl.RuleProperty(
                name=name, priority=priority, statement=statement, visibility_config=_metrics(name), **_ACTIONS[name]
            )
            for priority, (name, statement) in enumerate(statements.items())
        ]

    def _provider_statements(self) -> list[Acl.StatementProperty]:
        """Return one statement per address family that the allow-list names."""
        statements = []
        for version in ("IPV4", "IPV6"):
            ranges = [r for r in self._settings.provider_addresses if (":" in r) == (version == "IPV6")]
            if ranges:
                ip_set = wafv2.CfnIPSet(
                    self, f"Providers{version}", scope="REGIONAL", ip_address_version=version, addresses=ranges
                )
                reference = Acl.IPSetReferenceStatementProperty(arn=ip_set.attr_arn)
                statements.append(Acl.StatementProperty(ip_set_reference_statement=reference))
        return statements

    def _logging(self) -> None:
        """Log what was blocked or counted, never what was let through, and no signature."""
        stack = Stack.of(self)
        configuration = Logging(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            log_destination_configs=[
                stack.format_arn(
                    service="logs", resource=f"log-group:{outputs.waf_log_group_name(self._settings.environment)}"
                )
            ],
            logging_filter=_blocked_and_counted(),
            redacted_fields=[
                Logging.FieldToMatchProperty(single_header={"Name": header}) for header in SIGNATURE_HEADERS
            ],
        )
        configuration.node.add_dependency(self.log)


def _rate(limit: int, *, scope_down: Acl.StatementProperty | None) -> Acl.StatementProperty:
    return Acl.StatementProperty(
        rate_based_statement=Acl.RateBasedStatementProperty(
            limit=limit,
            evaluation_window_sec=limits.WAF_WINDOW_S,
            aggregate_key_type="IP",
            scope_down_statement=scope_down,
        )
    )


def _managed(group: str) -> Acl.StatementProperty:
    reference = Acl.ManagedRuleGroupStatementProperty(vendor_name="AWS", name=group)
    return Acl.StatementProperty(managed_rule_group_statement=reference)


def _any_of(statements: list[Acl.StatementProperty]) -> Acl.StatementProperty:
    if len(statements) == 1:
        return statements[0]
    return Acl.StatementProperty(or_statement=Acl.OrStatementProperty(statements=statements))


def _none_of(statements: list[Acl.StatementProperty]) -> Acl.StatementProperty | None:
    if not statements:
        return None
    return Acl.StatementProperty(not_statement=Acl.NotStatementProperty(statement=_any_of(statements)))


def _metrics(name: str) -> Acl.VisibilityConfigProperty:
    return Acl.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )


def _blocked_and_counted() -> Mapping[str, object]:
    """Return the logging filter in CloudFormation's own words: the library passes it through as it is."""
    conditions = [{"ActionCondition": {"Action": action}} for action in ("BLOCK", "COUNT", "EXCLUDED_AS_COUNT")]
    keep = {"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": conditions}
    return {"DefaultBehavior": "DROP", "Filters": [keep]}

"""What calls a person: the alert topic and its alarms."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stack import outputs
from stack.audit import Audit
from stack.firewall import Firewall
from stack.ingress import Ingress
from stack.processing import Processing
from stack.settings import Settings

FIVE_MINUTES = Duration.minutes(5)
OLD_MESSAGE_S = 600
"""A message waits so long only if the processor is stuck or throttled; outside production retries stay below it."""
OLD_RECORD_MS = 10 * 60 * 1000
MANY_BLOCKS = 100
MANY_REFUSALS = 10
"""Of one provider in five minutes. A wrong or retired key refuses every webhook; a stray stranger stays below."""


class Observability(Construct):
    """One encrypted topic, and an alarm for everything that would make a webhook late, lost or unaudited."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key: kms.Key,
        ingress: Ingress,
        firewall: Firewall,
        processing: Processing,
        audit: Audit,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.topic = self._topic(key)
        self.dlq_alarm = self._depth("dlq-depth", processing.dlq, settings.dlq_alarm_period_s)
        self._depth("audit-failures", audit.failures, settings.dlq_alarm_period_s)
        self._waiting(processing, audit)
        self._functions((ingress, processing, audit))
        self._public_side(ingress, firewall)

    def _topic(self, key: kms.Key) -> sns.Topic:
        topic = sns.Topic(
            self, "Alerts", topic_name=f"webhook-alerts-{self._settings.environment}", master_key=key, enforce_ssl=True
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
            )
        )
        if self._settings.alert_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._settings.alert_email))
        return topic

    def _depth(self, what: str, queue: sqs.Queue, period_s: int) -> cloudwatch.Alarm:
        metric = queue.metric_approximate_number_of_messages_visible(
            period=Duration.seconds(period_s), statistic=cloudwatch.Stats.MAXIMUM
        )
        return self._alarm(what, metric, 1, f"{queue.node.id}: messages wait for a person")

    def _waiting(self, processing: Processing, audit: Audit) -> None:
        age = processing.queue.metric_approximate_age_of_oldest_message(
            period=FIVE_MINUTES, statistic=cloudwatch.Stats.MAXIMUM
        )
        self._alarm("queue-age", age, OLD_MESSAGE_S, "Webhooks wait too long to be processed")
        iterator = audit.logger.resource.metric("IteratorAge", period=FIVE_MINUTES, statistic=cloudwatch.Stats.MAXIMUM)
        self._alarm("audit-iterator-age", iterator, OLD_RECORD_MS, "The audit log lags behind the table")

    def _functions(self, parts: tuple[Ingress, Processing, Audit]) -> None:
        ingress, processing, audit = parts
        named = {"receiver": ingress.receiver, "processor": processing.processor, "audit": audit.logger}
        for name, function in named.items():
            errors = function.resource.metric_errors(period=FIVE_MINUTES)
            self._alarm(f"{name}-errors", errors, 1, f"The {name} function crashed or timed out")
            throttles = function.resource.metric_throttles(period=FIVE_MINUTES)
            self._alarm(f"{name}-throttles", throttles, 1, f"The {name} function lacks concurrency")

    def _public_side(self, ingress: Ingress, firewall: Firewall) -> None:
        stage = ingress.api.deployment_stage
        self._alarm("receiver-5xx", stage.metric_server_error(period=FIVE_MINUTES), 1, "Senders were told to retry")
        blocks = blocked_requests(firewall, period=FIVE_MINUTES)
        self._alarm("waf-blocks", blocks, MANY_BLOCKS, "The firewall blocks many requests; a provider among them?")
        for provider in outputs.PROVIDERS:
            self._alarm(
                f"{provider}-refused",
                self._webhooks(provider, "refused", FIVE_MINUTES),
                MANY_REFUSALS,
                f"Webhooks of {provider} are refused: is its key, URL or certificate still right?",
            )
        if self._settings.quiet_alarm_hours:
            self._alarm(
                "no-webhooks-received",
                self._accepted(Duration.hours(1)),
                1,
                "No webhook was accepted; is the endpoint still registered with the providers?",
                periods=self._settings.quiet_alarm_hours,
                fires_below=True,
            )

    def _webhooks(self, provider: str, outcome: str, period: Duration) -> cloudwatch.Metric:
        """Count the receiver's webhooks of one provider and outcome (embedded metrics of its log lines)."""
        return cloudwatch.Metric(
            namespace=outputs.METRIC_NAMESPACE,
            metric_name="Webhooks",
            dimensions_map={"environment": self._settings.environment, "outcome": outcome, "provider": provider},
            period=period,
            statistic=cloudwatch.Stats.SUM,
        )

    def _accepted(self, period: Duration) -> cloudwatch.MathExpression:
        """Count what was accepted of all providers: a stranger's requests must not hide their silence."""
        metrics = {name: self._webhooks(name, "accepted", period) for name in outputs.PROVIDERS}
        return cloudwatch.MathExpression(
            expression=" + ".join(f"FILL({name}, 0)" for name in metrics),
            using_metrics=dict(metrics),
            label="accepted",
            period=period,
        )

    def _alarm(
        self,
        what: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        periods: int = 1,
        fires_below: bool = False,
    ) -> cloudwatch.Alarm:
        at_least = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        below = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        missing = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            what,
            alarm_name=outputs.alarm_name(what, self._settings.environment),
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=below if fires_below else at_least,
            treat_missing_data=missing.BREACHING if fires_below else missing.NOT_BREACHING,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        return alarm


def blocked_requests(firewall: Firewall, *, period: Duration) -> cloudwatch.Metric:
    """Return how many requests the web ACL blocked, whichever rule did it."""
    return cloudwatch.Metric(
        namespace="AWS/WAFV2",
        metric_name="BlockedRequests",
        dimensions_map={"WebACL": firewall.acl.name or "", "Region": firewall.acl.stack.region, "Rule": "ALL"},
        period=period,
        statistic=cloudwatch.Stats.SUM,
    )

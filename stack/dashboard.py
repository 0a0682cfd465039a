"""The CloudWatch dashboard: one row a stop of the webhook's way."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stack import outputs
from stack.audit import Audit
from stack.firewall import Firewall
from stack.ingress import Ingress
from stack.lambda_code import Function
from stack.observability import blocked_requests
from stack.processing import Processing
from stack.storage import Storage

MINUTE = Duration.minutes(1)


class Dashboard(Construct):
    """Gateway, firewall, functions, queues, table, and the business metrics that the functions write."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: str,
        storage: Storage,
        ingress: Ingress,
        firewall: Firewall,
        processing: Processing,
        audit: Audit,
    ) -> None:
        super().__init__(scope, construct_id)
        functions = {"receiver": ingress.receiver, "processor": processing.processor, "audit": audit.logger}
        self.board = cloudwatch.Dashboard(
            self,
            "Board",
            dashboard_name=f"webhooks-{environment}",
            widgets=[
                _business(environment),
                _gateway(ingress, firewall),
                _functions(functions),
                _queues(processing, audit),
                _table(storage),
            ],
        )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=8, period=MINUTE)


def _business(environment: str) -> list[cloudwatch.IWidget]:
    def searched(metric: str, dimensions: str, statistic: str) -> cloudwatch.MathExpression:
        search = f'{{{outputs.METRIC_NAMESPACE},{dimensions}}} MetricName="{metric}" environment="{environment}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{search}', '{statistic}', 60)", using_metrics={}, label="", period=MINUTE
        )

    return [
        _graph("Webhooks by provider and outcome", [searched("Webhooks", "environment,outcome,provider", "Sum")]),
        _graph("Time to processed, p50 (ms)", [searched("TimeToProcessed", "environment,provider", "p50")]),
        _graph("Time to processed, p99 (ms)", [searched("TimeToProcessed", "environment,provider", "p99")]),
    ]


def _gateway(ingress: Ingress, firewall: Firewall) -> list[cloudwatch.IWidget]:
    stage = ingress.api.deployment_stage
    return [
        _graph(
            "Gateway: requests, 4xx, 5xx",
            [stage.metric_count(), stage.metric_client_error(), stage.metric_server_error()],
        ),
        _graph("Gateway latency", [stage.metric_latency(statistic="p50"), stage.metric_latency(statistic="p99")]),
        _graph("Firewall: blocked", [blocked_requests(firewall, period=MINUTE)]),
    ]


def _functions(functions: Mapping[str, Function]) -> list[cloudwatch.IWidget]:
    resources = [function.resource for function in functions.values()]
    return [
        _graph("Functions: invocations", [resource.metric_invocations() for resource in resources]),
        _graph("Functions: duration p99", [resource.metric_duration(statistic="p99") for resource in resources]),
        _graph(
            "Functions: errors and throttles",
            [metric for resource in resources for metric in (resource.metric_errors(), resource.metric_throttles())],
        ),
    ]


def _queues(processing: Processing, audit: Audit) -> list[cloudwatch.IWidget]:
    queues = (processing.queue, processing.dlq, audit.failures)
    return [
        _graph("Queue depths", [queue.metric_approximate_number_of_messages_visible() for queue in queues]),
        _graph("Oldest message (s)", [queue.metric_approximate_age_of_oldest_message() for queue in queues]),
        _graph("Audit iterator age (ms)", [audit.logger.resource.metric("IteratorAge", statistic="Maximum")]),
    ]


def _table(storage: Storage) -> list[cloudwatch.IWidget]:
    table = storage.table
    return [
        _graph("Table: read capacity", [table.metric_consumed_read_capacity_units()]),
        _graph("Table: write capacity", [table.metric_consumed_write_capacity_units()]),
        _graph(
            "Table: throttled",
            [
                cloudwatch.Metric(
                    namespace="AWS/DynamoDB",
                    metric_name=name,
                    dimensions_map={"TableName": table.table_name},
                    statistic=cloudwatch.Stats.SUM,
                    region=Stack.of(table).region,
                )
                for name in ("ReadThrottleEvents", "WriteThrottleEvents")
            ],
        ),
    ]

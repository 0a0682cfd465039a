"""Which metrics tell of an incident: requests, refusals, the functions, the queues, the firewall."""

from collections.abc import Iterator, Mapping

from stack import outputs
from webhookctl.core.metrics import MetricQuery

_API = {"requests": "Count", "answers 4xx": "4XXError", "answers 5xx": "5XXError"}
_FUNCTIONS = {"invocations": "Invocations", "errors": "Errors", "throttles": "Throttles"}
_QUEUES = {
    "messages waiting": "ApproximateNumberOfMessagesVisible",
    "oldest message (s)": "ApproximateAgeOfOldestMessage",
}


def incident_queries(environment: str, *, region: str) -> Mapping[str, MetricQuery]:
    """Return the queries by the name that the report gives them; counts are sums, depths and ages maxima."""
    return dict(_queries(environment, region))


def _queries(environment: str, region: str) -> Iterator[tuple[str, MetricQuery]]:
    api = {"ApiName": outputs.api_name(environment), "Stage": outputs.STAGE}
    for words, metric in _API.items():
        yield f"api {words}", MetricQuery(namespace="AWS/ApiGateway", metric=metric, dimensions=api)
    wall = {"WebACL": outputs.web_acl_name(environment), "Region": region, "Rule": "ALL"}
    yield "firewall blocked", MetricQuery(namespace="AWS/WAFV2", metric="BlockedRequests", dimensions=wall)
    functions = {
        "receiver": outputs.receiver_name(environment),
        "processor": outputs.processor_name(environment),
        "audit": outputs.audit_name(environment),
    }
    for whose, name in functions.items():
        for words, metric in _FUNCTIONS.items():
            named = {"FunctionName": name}
            yield f"{whose} {words}", MetricQuery(namespace="AWS/Lambda", metric=metric, dimensions=named)
    queues = {"queue": outputs.queue_name(environment), "dlq": outputs.dlq_name(environment)}
    for which, name in queues.items():
        for words, metric in _QUEUES.items():
            named = {"QueueName": name}
            query = MetricQuery(namespace="AWS/SQS", metric=metric, dimensions=named, statistic="Maximum")
            yield f"{which} {words}", query

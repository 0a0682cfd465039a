"""The part of a trace that the Lambda service writes on AWS, written for the engine's invocations."""

from types import SimpleNamespace
from typing import Any, cast

from tests.fakes_xray import NOW, trace_id
from webhookctl.local.xray.compile import compile_trace
from webhookctl.local.xray.header import TraceHeader
from webhookctl.local.xray.lambda_service import MAX_LINKS, LambdaService, begin, install

PARENT = "5" * 16
ARN = "arn:aws:lambda:us-east-1:000000000000:function:webhook-receiver-dev"


def _config(mode: str = "Active") -> dict[str, Any]:
    return {"config": {"FunctionName": "webhook-receiver-dev", "FunctionArn": ARN, "TracingConfig": {"Mode": mode}}}


def _engine(result: dict[str, Any]) -> Any:
    seen: list[str | None] = []
    engine = SimpleNamespace(seen=seen)

    def execute(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        del event, request_id
        seen.append(engine._xray_trace_id_for_invocation(func["config"]))
        return result

    engine._execute_function_warm = execute
    engine._xray_trace_id_for_invocation = lambda _config, _inbound=None: "fresh"
    return engine


def _run(
    event: object, *, result: dict[str, Any] | None = None, mode: str = "Active"
) -> tuple[str, list[dict[str, Any]]]:
    engine, written = _engine(result or {"body": {}}), list[dict[str, Any]]()
    install(cast("LambdaService", engine), written.append, clock=lambda: NOW)
    engine._execute_function_warm(_config(mode), event, "request-1")
    return engine.seen[0], written


def _api_event(sampled: int) -> dict[str, Any]:
    return {"headers": {"x-amzn-trace-id": f"Root={trace_id(1)};Parent={PARENT};Sampled={sampled}"}}


def _queue_event(*headers: str) -> dict[str, Any]:
    return {"Records": [{"attributes": {"AWSTraceHeader": header}} for header in headers]}


def test_an_invocation_from_the_api_continues_its_trace() -> None:
    """The function sees the API's root; both service segments hang from the stage's."""
    header, (service, function) = _run(_api_event(1))
    seen = TraceHeader.parse(header)
    assert seen is not None
    assert seen.root == service["trace_id"] == function["trace_id"] == trace_id(1)
    assert service["parent_id"] == PARENT
    assert function["parent_id"] == service["id"]
    assert function["subsegments"][0]["id"] == seen.parent
    view = compile_trace(trace_id(1), [service, function])
    assert [(node.name, node.type) for node in view.nodes] == [
        ("webhook-receiver-dev", "AWS::Lambda"),
        ("webhook-receiver-dev", "AWS::Lambda::Function"),
    ]


def test_an_unsampled_invocation_writes_nothing_and_says_so_to_the_function() -> None:
    """Sampled=0 is handed on."""
    header, written = _run(_api_event(0))
    assert header.endswith("Sampled=0")
    assert written == []


def test_an_invocation_from_the_queue_is_linked_to_its_senders() -> None:
    """A new trace, with a link to each message's, at most 20."""
    headers = [f"Root={trace_id(n)};Parent={n:016x};Sampled=1" for n in range(1, 25)]
    header, (service, _) = _run(_queue_event(*headers))
    assert trace_id(1) not in header
    assert len(service["links"]) == MAX_LINKS
    assert service["links"][0] == {"trace_id": trace_id(1), "id": f"{1:016x}"}


def test_a_batch_of_unsampled_messages_is_not_sampled() -> None:
    """One sampled sender is enough; none is none."""
    unsampled, sampled = (f"Root={trace_id(1)};Parent={PARENT};Sampled={n}" for n in (0, 1))
    assert not begin(_queue_event(unsampled, unsampled), now=NOW).sampled
    assert begin(_queue_event(unsampled, sampled), now=NOW).sampled
    assert begin({"Records": [{"dynamodb": {}}]}, now=NOW).sampled


def test_a_handler_that_raises_gives_a_fault_with_its_class_alone() -> None:
    """The message may hold what must not be stored, so only the class is kept."""
    failed = {"error": True, "body": {"errorType": "ValueError", "errorMessage": "card 4242"}}
    _, (service, function) = _run(_api_event(1), result=failed)
    assert service["fault"]
    assert function["cause"]["exceptions"][0]["type"] == "ValueError"
    assert "4242" not in str([service, function])


def test_a_function_without_active_tracing_is_left_alone() -> None:
    """PassThrough functions keep the engine's behaviour."""
    assert _run(_api_event(1), mode="PassThrough") == ("fresh", [])

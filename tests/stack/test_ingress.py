import json

from stack import limits, outputs
from tests.stack.template import Template


def test_the_only_route_is_post_webhook_provider(prod: Template) -> None:
    """One method, a Lambda proxy, with no authorizer: the signature is the authorization."""
    method = prod.one("AWS::ApiGateway::Method")
    assert method["HttpMethod"] == "POST"
    assert method["Integration"]["Type"] == "AWS_PROXY"
    assert "RequestTemplates" not in method["Integration"]
    assert {r["PathPart"] for r in prod.all("AWS::ApiGateway::Resource")} == {"webhook", "{provider}"}


def test_exact_bytes_pass_the_gateway(prod: Template) -> None:
    """Every media type is binary and nothing is compressed, or signatures over raw bytes break."""
    api = prod.one("AWS::ApiGateway::RestApi")
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert "MinimumCompressionSize" not in api


def test_the_resource_policy_admits_posts_to_the_webhook_path_alone(prod: Template) -> None:
    """Anyone may post there; nothing else is allowed, so everything else is denied."""
    (statement,) = prod.one("AWS::ApiGateway::RestApi")["Policy"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "execute-api:/prod/POST/webhook/*"


def test_the_stage_throttles_at_a_thousand_a_second(prod: Template) -> None:
    """Rate and burst are the product's."""
    (settings,) = prod.one("AWS::ApiGateway::Stage")["MethodSettings"]
    assert settings["ThrottlingRateLimit"] == limits.STAGE_RATE_LIMIT == 1000
    assert settings["ThrottlingBurstLimit"] == limits.STAGE_BURST_LIMIT == 1000


def test_bodies_are_never_logged_by_the_gateway(prod: Template) -> None:
    """Data trace would log bodies and headers."""
    (settings,) = prod.one("AWS::ApiGateway::Stage")["MethodSettings"]
    assert settings["DataTraceEnabled"] is False
    assert settings["LoggingLevel"] == "ERROR"


def test_the_access_log_is_json_with_the_promised_fields(prod: Template) -> None:
    """A line tells status, source, latency, trace and refusal; the local front door writes the same names."""
    access_log = prod.one("AWS::ApiGateway::Stage")["AccessLogSetting"]
    line = json.loads(access_log["Format"])
    assert line == outputs.ACCESS_LOG_FIELDS
    assert {"requestId", "status", "sourceIp", "error", "xrayTraceId", "integrationLatency"} <= set(line)


def test_traces_start_at_the_stage_at_the_environments_rate(prod: Template, dev: Template) -> None:
    """Everything in dev; one percent in production: one a second would be every webhook of a million a month."""
    assert prod.one("AWS::ApiGateway::Stage")["TracingEnabled"] is True
    rule = prod.one("AWS::XRay::SamplingRule")["SamplingRule"]
    assert (rule["ServiceName"], rule["ReservoirSize"], rule["FixedRate"]) == ("payment-webhooks-prod/prod", 0, 0.01)
    assert dev.one("AWS::XRay::SamplingRule")["SamplingRule"]["FixedRate"] == 1


def test_the_gateways_own_log_group_is_encrypted_and_expires(dev: Template) -> None:
    """The gateway would make it itself, unencrypted and kept for ever."""
    groups = [g for g in dev.all("AWS::Logs::LogGroup") if "API-Gateway-Execution-Logs_" in str(g["LogGroupName"])]
    assert len(groups) == 1
    assert {"KmsKeyId", "RetentionInDays"} <= set(groups[0])


def test_only_the_gateway_may_invoke_the_receiver(dev: Template) -> None:
    """One permission, bound to this API's method."""
    permission = dev.one("AWS::Lambda::Permission")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert "POST/webhook/" in str(permission["SourceArn"])

"""The public side: REST API, stage, access log, receiver."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_xray as xray
from constructs import Construct

from stack import limits, outputs
from stack.lambda_code import Function, LambdaCode
from stack.log_group import LogGroup
from stack.settings import Settings
from stack.storage import Storage


class Ingress(Construct):
    """POST /webhook/{provider} -> receiver.

    Proxy integration and binary media types keep the sender's exact bytes, which the signatures cover. No data trace:
    it would log bodies.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        storage: Storage,
        code: LambdaCode,
        queue_url: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._key = storage.key
        self.receiver = self._receiver(storage, code, queue_url)
        self.access_log = LogGroup(
            self,
            "AccessLog",
            name=outputs.access_log_group_name(settings.environment),
            settings=settings,
            key=storage.key,
        )
        self.api = self._api()
        self.api.node.try_remove_child("Endpoint")  # APIEndpoint is ours
        self._route()
        self._execution_log()
        self._sampling()

    def _receiver(self, storage: Storage, code: LambdaCode, queue_url: str) -> Function:
        settings = self._settings
        arns = {f"{name.upper()}_SECRET_ARN": secret.secret_arn for name, secret in storage.secrets.items()}
        return code.function(
            "Receiver",
            name=outputs.receiver_name(settings.environment),
            handler="lambdas.receiver.handler.handle",
            timeout_s=limits.RECEIVER_TIMEOUT_S,
            memory_mb=limits.MEMORY_MB["receiver"],
            environment={
                "TABLE_NAME": storage.table.table_name,
                "QUEUE_URL": queue_url,
                **arns,
                "ALLOW_TEST_CA": str(settings.allow_test_ca).lower(),
                "REFUSE_OUTLIVED": str(settings.refuse_outlived).lower(),
                "MAX_BODY_BYTES": str(limits.MAX_BODY_BYTES),
                "RETENTION_DAYS": str(settings.retention_days),
            },
            reserved_concurrency=settings.receiver_reserved_concurrency,
        )

    def _api(self) -> apigateway.RestApi:
        fields = ",".join(f'"{field}":"{variable}"' for field, variable in outputs.ACCESS_LOG_FIELDS.items())
        return apigateway.RestApi(
            self,
            "Api",
            rest_api_name=outputs.api_name(self._settings.environment),
            description="Payment webhooks of Stripe, PayPal and Square",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=["*/*"],
            policy=_only_webhooks(),
            cloud_watch_role=self._settings.api_account_role,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            deploy_options=apigateway.StageOptions(
                stage_name=outputs.STAGE,
                throttling_rate_limit=limits.STAGE_RATE_LIMIT,
                throttling_burst_limit=limits.STAGE_BURST_LIMIT,
                tracing_enabled=True,
                metrics_enabled=True,
                data_trace_enabled=False,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_log),
                access_log_format=apigateway.AccessLogFormat.custom(f"{{{fields}}}"),
            ),
        )

    def _route(self) -> None:
        self.api.root.add_resource("webhook").add_resource("{provider}").add_method(
            "POST",
            apigateway.LambdaIntegration(self.receiver.resource, proxy=True, allow_test_invoke=False),
            authorization_type=apigateway.AuthorizationType.NONE,
            request_parameters={"method.request.path.provider": True},
        )

    def _execution_log(self) -> None:
        """Own the log group that the gateway would otherwise make itself, unencrypted and kept for ever."""
        group = LogGroup(
            self,
            "ExecutionLog",
            name=f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{outputs.STAGE}",
            settings=self._settings,
            key=self._key,
        )
        self.api.deployment_stage.node.add_dependency(group)

    def _sampling(self) -> None:
        """Sample traces at the gateway, where a trace starts; the functions follow its decision."""
        environment = self._settings.environment
        xray.CfnSamplingRule(
            self,
            "Sampling",
            sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
                rule_name=f"webhooks-{environment}"[:32],
                version=1,
                priority=1000,
                service_name=f"{outputs.api_name(environment)}/{outputs.STAGE}",
                service_type="AWS::ApiGateway::Stage",
                host="*",
                http_method="*",
                url_path="*",
                resource_arn="*",
                reservoir_size=self._settings.trace_reservoir_per_s,
                fixed_rate=self._settings.trace_rate,
            ),
        )


def _only_webhooks() -> iam.PolicyDocument:
    """Let anyone post to the webhook path and to nothing else: providers can't sign for IAM; they sign the body."""
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                sid="AnyonePostsWebhooks",
                principals=[iam.AnyPrincipal()],
                actions=["execute-api:Invoke"],
                resources=[f"execute-api:/{outputs.STAGE}/POST/webhook/*"],
            )
        ]
    )


def stage_arn(api: apigateway.RestApi) -> str:
    """Return the stage's ARN in the form that AWS WAF takes."""
    return Stack.of(api).format_arn(
        service="apigateway",
        account="",
        resource="/restapis",
        resource_name=f"{api.rest_api_id}/stages/{api.deployment_stage.stage_name}",
    )

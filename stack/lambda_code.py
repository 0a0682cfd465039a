"""The Lambdas' code: one asset for all three functions, and a layer of third-party wheels."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Annotations, Duration, IgnoreMode
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stack import outputs
from stack.log_group import LogGroup
from stack.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
EMPTY_LAYER = Path(__file__).resolve().parent / "empty_layer"


class LambdaCode(Construct):
    """What the three functions share: the asset, the layer, the runtime, encryption and tracing."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, key: kms.Key, layer_dir: Path | None
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._key = key
        self._runtime = lambda_.Runtime(settings.runtime, lambda_.RuntimeFamily.PYTHON)
        self._architecture = {
            "arm64": lambda_.Architecture.ARM_64,
            "x86_64": lambda_.Architecture.X86_64,
        }[settings.architecture]
        self._code = lambda_.Code.from_asset(
            str(ROOT), ignore_mode=IgnoreMode.GIT, exclude=["/*", "!/lambdas", "__pycache__", "*.pyc"]
        )
        self._layer = self._wheels(layer_dir)

    def function(
        self,
        construct_id: str,
        *,
        name: str,
        handler: str,
        timeout_s: int,
        memory_mb: int,
        environment: Mapping[str, str],
        reserved_concurrency: int | None,
        log_retention_days: int | None = None,
        log_level: str | None = None,
    ) -> "Function":
        """Make a function that has no permission until the stack grants some."""
        log_group, role = self._log_group(construct_id, name, log_retention_days), self._role(construct_id, name)
        resource = lambda_.Function(
            self,
            construct_id,
            function_name=name,
            code=self._code,
            handler=handler,
            runtime=self._runtime,
            architecture=self._architecture,
            layers=[self._layer],
            timeout=Duration.seconds(timeout_s),
            memory_size=memory_mb,
            environment={
                "ENVIRONMENT": self._settings.environment,
                "LOG_LEVEL": log_level or self._settings.log_level,
                **environment,
            },
            environment_encryption=self._key,
            role=role.without_policy_updates(),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=reserved_concurrency,
        )
        return Function(resource=resource, role=role, log_group=log_group)

    def _log_group(self, construct_id: str, name: str, retention_days: int | None) -> LogGroup:
        return LogGroup(
            self,
            f"{construct_id}Logs",
            name=outputs.log_group_name(name),
            settings=self._settings,
            key=self._key,
            retention_days=retention_days,
        )

    def _role(self, construct_id: str, name: str) -> iam.Role:
        return iam.Role(
            self,
            f"{construct_id}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {name} may do",
        )

    def _wheels(self, layer_dir: Path | None) -> lambda_.LayerVersion:
        if layer_dir is None:
            Annotations.of(self).add_warning_v2(
                "webhookctl:empty-layer",
                "no layerDir: the layer is empty and PayPal can't be verified; webhookctl deploy builds it",
            )
        return lambda_.LayerVersion(
            self,
            "Wheels",
            code=lambda_.Code.from_asset(str(layer_dir or EMPTY_LAYER), exclude=["__pycache__", "*.pyc", "complete"]),
            compatible_runtimes=[self._runtime],
            compatible_architectures=[self._architecture],
            description="Third-party wheels: cryptography for PayPal, aws-xray-sdk for traces",
        )


class Function:
    """A Lambda function with the role and the log group that belong to it."""

    def __init__(self, *, resource: lambda_.Function, role: iam.Role, log_group: LogGroup) -> None:
        self.resource = resource
        self.role = role
        self.log_group = log_group

    def allow(self, statements: Mapping[str, iam.PolicyStatement]) -> None:
        """Give the function these statements and no others, as one managed policy; the names become their Sids."""
        for sid, statement in statements.items():
            statement.sid = sid
        self.role.add_managed_policy(
            iam.ManagedPolicy(
                self.role,
                "Policy",
                description=f"Every permission of {self.resource.node.id}",
                statements=list(statements.values()),
            )
        )

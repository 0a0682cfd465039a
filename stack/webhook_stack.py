"""The stack: what is wired to what, who may do what, and what the outside learns."""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack, Tags
from constructs import Construct

from stack import grants, outputs
from stack.audit import Audit
from stack.dashboard import Dashboard
from stack.firewall import Firewall
from stack.ingress import Ingress, stage_arn
from stack.lambda_code import LambdaCode
from stack.observability import Observability
from stack.processing import Processing
from stack.settings import Settings, settings_for
from stack.storage import Storage

DEFAULT_ENVIRONMENT = "dev"


class WebhookStack(Stack):
    """Internet -> WAF -> API Gateway -> receiver -> table -> stream -> audit log; receiver -> queue -> processor."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, layer_dir: Path | None = None
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Payment webhook intake ({settings.environment})",
            termination_protection=settings.protected,
        )
        self._settings = settings
        self.storage = Storage(self, "Storage", settings=settings)
        code = LambdaCode(self, "Lambdas", settings=settings, key=self.storage.key, layer_dir=layer_dir)
        self.processing = Processing(self, "Processing", settings=settings, storage=self.storage, code=code)
        self.audit = Audit(self, "Audit", settings=settings, storage=self.storage, code=code)
        self.ingress = Ingress(
            self,
            "Ingress",
            settings=settings,
            storage=self.storage,
            code=code,
            queue_url=self.processing.queue.queue_url,
        )
        self.firewall = Firewall(
            self, "Firewall", settings=settings, key=self.storage.key, stage_arn=stage_arn(self.ingress.api)
        )
        self.observability = Observability(
            self,
            "Observability",
            settings=settings,
            key=self.storage.key,
            ingress=self.ingress,
            firewall=self.firewall,
            processing=self.processing,
            audit=self.audit,
        )
        self.dashboard = self._dashboard()
        self._grant()
        self._tell()
        Tags.of(self).add("application", "webhookctl")
        Tags.of(self).add("environment", settings.environment)

    def _dashboard(self) -> Dashboard:
        return Dashboard(
            self,
            "Dashboard",
            environment=self._settings.environment,
            storage=self.storage,
            ingress=self.ingress,
            firewall=self.firewall,
            processing=self.processing,
            audit=self.audit,
        )

    def _grant(self) -> None:
        self.ingress.receiver.allow(grants.receiver_statements(self.storage, self.processing, self.ingress))
        self.processing.processor.allow(grants.processor_statements(self.storage, self.processing))
        self.audit.logger.allow(grants.audit_statements(self.storage, self.audit))

    def _tell(self) -> None:
        values = {
            outputs.API_ENDPOINT: self.ingress.api.deployment_stage.url_for_path("/").rstrip("/"),
            outputs.API_ID: self.ingress.api.rest_api_id,
            outputs.TABLE_NAME: self.storage.table.table_name,
            outputs.TABLE_STREAM_ARN: self.storage.table.table_stream_arn or "",
            outputs.QUEUE_URL: self.processing.queue.queue_url,
            outputs.DLQ_URL: self.processing.dlq.queue_url,
            outputs.AUDIT_FAILURE_QUEUE_URL: self.audit.failures.queue_url,
            outputs.ALERT_TOPIC_ARN: self.observability.topic.topic_arn,
            outputs.DLQ_ALARM_NAME: self.observability.dlq_alarm.alarm_name,
            outputs.KEY_ARN: self.storage.key.key_arn,
            outputs.WEB_ACL_ARN: self.firewall.acl.attr_arn,
            outputs.RECEIVER_NAME: self.ingress.receiver.resource.function_name,
            outputs.PROCESSOR_NAME: self.processing.processor.resource.function_name,
            outputs.AUDIT_NAME: self.audit.logger.resource.function_name,
            outputs.AUDIT_LOG_GROUP: self.audit.logger.log_group.log_group_name,
            outputs.ACCESS_LOG_GROUP: self.ingress.access_log.log_group_name,
            outputs.WAF_LOG_GROUP: self.firewall.log.log_group_name,
            outputs.DASHBOARD_NAME: self.dashboard.board.dashboard_name,
            outputs.AUDIT_KEY_SECRET: self.storage.audit_key.secret_arn,
            **{outputs.secret_output(name): secret.secret_arn for name, secret in self.storage.secrets.items()},
        }
        for name, value in values.items():
            CfnOutput(self, name, value=value)


def stack_from_context(app: App) -> WebhookStack:
    """Make the stack that the app's context describes.

    `environmentSuffix` names the environment; `settings` is a JSON object of overrides; `hostArchitecture` overrides
    the functions' architecture; `layerDir` holds the layer's `python/` folder.
    """
    environment = str(app.node.try_get_context("environmentSuffix") or DEFAULT_ENVIRONMENT)
    overrides = app.node.try_get_context("settings")
    settings = settings_for(environment, overrides=overrides, architecture=app.node.try_get_context("hostArchitecture"))
    layer_dir = app.node.try_get_context("layerDir")
    return WebhookStack(
        app,
        outputs.stack_name(environment),
        settings=settings,
        layer_dir=Path(layer_dir).resolve() if layer_dir else None,
    )

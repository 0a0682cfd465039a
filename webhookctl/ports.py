"""The chosen environment's AWS services as core's ports, each made on first use."""

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from stack import outputs as names
from stack.settings_rules import PRODUCTION
from webhookctl.config import Settings

if TYPE_CHECKING:
    from lambdas.shared.audit_record import AuditKey
    from webhookctl.aws.alarms import Alarms
    from webhookctl.aws.audit_log import FilteredLog, InsightsLog
    from webhookctl.aws.audit_table import AuditTable
    from webhookctl.aws.cloudformation import CloudFormation
    from webhookctl.aws.logs import Logs
    from webhookctl.aws.metrics import Metrics
    from webhookctl.aws.payment_index import PaymentIndexTable
    from webhookctl.aws.probe import AccountProbe
    from webhookctl.aws.queue_lines import QueueLines
    from webhookctl.aws.secrets import Secrets
    from webhookctl.aws.session import AwsSession
    from webhookctl.aws.xray import XRay
    from webhookctl.core.audit.operator_lines import Operator, OperatorAudit
    from webhookctl.core.dlq.look import DeadLetterQueue
    from webhookctl.core.events.stored import WebhookTable
    from webhookctl.core.guard import Identity
    from webhookctl.core.incident.export import IncidentSources
    from webhookctl.core.outputs import StackOutputs
    from webhookctl.core.redrive.run import RedriveDesk
    from webhookctl.core.secrets.keys import SecretDesk
    from webhookctl.core.trace.find import TraceLines
    from webhookctl.local.state import LocalEnvironment


class Ports:
    """What reaches the environment. Nothing of AWS loads before a port is used.

    A port is a cached property; a test replaces one by assigning to it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        return datetime.now(UTC)

    def tell_skipped(self, webhook_id: str) -> None:
        """Hear that a row is no stored webhook and was left out. `AppContext` says so."""

    @cached_property
    def identity(self) -> "Identity":
        """Whose credentials these are."""
        from webhookctl.aws.account import identity

        return identity(self.session)

    @cached_property
    def session(self) -> "AwsSession":
        """The clients of the environment. Raises ConfigError when the embedded environment does not run."""
        from webhookctl.aws.session import AwsSession

        if not self.settings.is_embedded:
            url = self.settings.endpoint_url
            return AwsSession(
                profile=self.settings.profile, region=self.settings.region, endpoints={"": url} if url else None
            )
        running = self.local_environment
        return AwsSession(
            region=running.region,
            endpoints={
                "": running.endpoint_url,
                "xray": running.xray_endpoint_url,
                "wafv2": running.wafv2_endpoint_url,
            },
            credentials=("test", "test"),
            unreachable_hint="webhookctl local up",
        )

    @cached_property
    def local_environment(self) -> "LocalEnvironment":
        """Where the embedded environment listens. Raises a ConfigError when it does not run."""
        from webhookctl.local.environment import current

        return current()

    @cached_property
    def stacks(self) -> "CloudFormation":
        """CloudFormation."""
        from webhookctl.aws.cloudformation import CloudFormation

        return CloudFormation(self.session)

    @cached_property
    def outputs(self) -> "StackOutputs":
        """The deployed stack's outputs. Raises NotFoundError when the environment is not deployed."""
        from webhookctl.core.outputs import read_outputs

        if self.settings.is_embedded:
            public_url: str | None = self.local_environment.front_door_url
        else:  # LocalStack's form of an API's address, which other emulators share
            url = self.settings.endpoint_url
            public_url = f"{url.rstrip('/')}/_aws/execute-api/{{api_id}}" if url else None
        return read_outputs(self.stacks, self.settings.environment, public_url=public_url)

    @cached_property
    def table(self) -> "WebhookTable":
        """The stored webhooks."""
        from webhookctl.aws.table import Table

        return Table(self.session, self.outputs[names.TABLE_NAME])

    @cached_property
    def payment_index(self) -> "PaymentIndexTable":
        """The processed events by payment."""
        from webhookctl.aws.payment_index import PaymentIndexTable

        return PaymentIndexTable(self.session, self.outputs[names.TABLE_NAME])

    @cached_property
    def logs(self) -> "Logs":
        """CloudWatch Logs."""
        from webhookctl.aws.logs import Logs

        return Logs(self.session)

    @cached_property
    def audit_log(self) -> "FilteredLog":
        """The audit log, by FilterLogEvents."""
        from webhookctl.aws.audit_log import FilteredLog

        return FilteredLog(self.session, self.outputs[names.AUDIT_LOG_GROUP])

    @cached_property
    def insights_log(self) -> "InsightsLog":
        """The audit log, by Logs Insights."""
        from webhookctl.aws.audit_log import InsightsLog

        return InsightsLog(self.session, self.outputs[names.AUDIT_LOG_GROUP])

    @cached_property
    def alarms(self) -> "Alarms":
        """CloudWatch's alarms."""
        from webhookctl.aws.alarms import Alarms

        return Alarms(self.session)

    @cached_property
    def metrics(self) -> "Metrics":
        """CloudWatch's metrics."""
        from webhookctl.aws.metrics import Metrics

        return Metrics(self.session)

    @cached_property
    def queue_lines(self) -> "QueueLines":
        """The queues' depths."""
        from webhookctl.aws.queue_lines import QueueLines

        return QueueLines(self.session)

    @cached_property
    def probe(self) -> "AccountProbe":
        """What the doctor looks at."""
        from webhookctl.aws.probe import AccountProbe

        return AccountProbe(self.session, self.metrics)

    @cached_property
    def operator(self) -> "Operator":
        """Who acts, for the audit log."""
        from webhookctl.aws.account import operator

        return operator(self.identity.arn)

    @cached_property
    def operator_audit(self) -> "OperatorAudit":
        """Where operators' actions are recorded."""
        from webhookctl.aws.audit_logger import AuditLogger
        from webhookctl.core.audit.operator_lines import OperatorAudit

        return OperatorAudit(logger=AuditLogger(self.session, self.outputs[names.AUDIT_NAME]))

    @cached_property
    def secret_desk(self) -> "SecretDesk":
        """What changing the providers' keys works with."""
        from webhookctl.core.secrets.keys import SecretDesk

        return SecretDesk(
            store=self.secrets,
            outputs=self.outputs,
            logs=self.logs,
            audit=self.operator_audit,
            operator=self.operator,
            now=self.now,
            counts_tests=not (self.settings.protected or self.settings.environment == PRODUCTION),
        )

    @cached_property
    def secrets(self) -> "Secrets":
        """Secrets Manager."""
        from webhookctl.aws.secrets import Secrets

        return Secrets(self.session)

    @cached_property
    def dead_letters(self) -> "DeadLetterQueue":
        """The dead-letter queue, joined with the webhooks."""
        from webhookctl.aws.dead_letter_desk import dead_letter_queue

        return dead_letter_queue(self.session, self.outputs, now=self.now, skipped=self.tell_skipped)

    @cached_property
    def redrive_desk(self) -> "RedriveDesk":
        """What a redrive works with."""
        from webhookctl.aws.dead_letter_desk import redrive_desk

        return redrive_desk(self.session, self.outputs, now=self.now, skipped=self.tell_skipped)

    @cached_property
    def traces(self) -> "XRay":
        """X-Ray."""
        from webhookctl.aws.xray import XRay

        return XRay(self.session)

    @cached_property
    def trace_lines(self) -> "TraceLines":
        """The audit and log lines that belong to traces."""
        from webhookctl.core.trace.find import TraceLines

        functions = {names.RECEIVER_NAME: "receiver", names.PROCESSOR_NAME: "processor"}
        groups = {f"/aws/lambda/{self.outputs[output]}": whose for output, whose in functions.items()}
        return TraceLines(logs=self.logs, groups=groups, audit=self.audit_log)

    @cached_property
    def incident_sources(self) -> "IncidentSources":
        """Everything that an incident export reads."""
        from webhookctl.core.incident.export import IncidentSources
        from webhookctl.core.incident.metrics import incident_queries

        environment, outputs = self.settings.environment, self.outputs
        functions = {names.RECEIVER_NAME: "receiver", names.PROCESSOR_NAME: "processor", names.AUDIT_NAME: "audit"}
        access, firewall = outputs[names.ACCESS_LOG_GROUP], outputs[names.WAF_LOG_GROUP]
        groups = {f"/aws/lambda/{outputs[output]}": whose for output, whose in functions.items()}
        return IncidentSources(
            environment=environment,
            audit=self.audit_log,
            logs=self.logs,
            groups={**groups, access: "api", firewall: "waf"},
            traces=self.traces,
            metrics=self.metrics,
            queries=incident_queries(environment, region=self.session.region),
            alarms=lambda: self.alarms.alarms_of(f"-{environment}"),
            alarm_changes=self.alarms.changes,
        )

    @cached_property
    def audit_table(self) -> "AuditTable":
        """The table's rows with every attribute."""
        from webhookctl.aws.audit_table import AuditTable

        return AuditTable(self.session, self.outputs[names.TABLE_NAME])

    @cached_property
    def audit_keys(self) -> "tuple[AuditKey, ...]":
        """The keys of the audit seal, newest first. Only the audit logger and whoever verifies may read them."""
        from lambdas.shared.audit_record import parse_audit_keys

        return parse_audit_keys(self.secrets.read(self.outputs[names.AUDIT_KEY_SECRET]))

"""An encrypted log group with a retention."""

from typing import cast

from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stack.settings import Settings
from stack.storage import removal_policy


class LogGroup(logs.LogGroup):
    """A log group under the stack's key. Production keeps it and refuses its deletion."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        settings: Settings,
        key: kms.Key,
        retention_days: int | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=key,
            removal_policy=removal_policy(settings),
            deletion_protection_enabled=settings.protected,
        )
        resource = cast("logs.CfnLogGroup", self.node.default_child)
        resource.retention_in_days = retention_days or settings.log_retention_days

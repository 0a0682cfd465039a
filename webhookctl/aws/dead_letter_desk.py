"""Puts together what the dead-letter commands work with in a deployed environment."""

import getpass
from collections.abc import Callable
from datetime import datetime

from stack import outputs as names
from webhookctl.aws.account import identity
from webhookctl.aws.audit_logger import AuditLogger
from webhookctl.aws.dead_letter_table import DeadLetterTable
from webhookctl.aws.queues import SqsMoveTasks, SqsQueue
from webhookctl.aws.session import AwsSession
from webhookctl.core.audit.operator_lines import Operator, OperatorAudit
from webhookctl.core.dlq.look import DeadLetterQueue
from webhookctl.core.events.meaning import meaning
from webhookctl.core.outputs import StackOutputs
from webhookctl.core.redrive.run import RedriveDesk


def dead_letter_queue(
    session: AwsSession, outputs: StackOutputs, *, now: Callable[[], datetime], skipped: Callable[[str], None]
) -> DeadLetterQueue:
    """Return the dead-letter queue of an environment, joined with its webhooks.

    `skipped` is told the ids of rows that are no stored webhook.
    """
    return DeadLetterQueue(
        environment=outputs.environment,
        queue=SqsQueue(session, outputs[names.DLQ_URL]),
        webhooks=DeadLetterTable(session, outputs[names.TABLE_NAME], skipped=skipped),
        normalise=meaning,
        now=now,
    )


def redrive_desk(
    session: AwsSession, outputs: StackOutputs, *, now: Callable[[], datetime], skipped: Callable[[str], None]
) -> RedriveDesk:
    """Return what a redrive works with, and who does it."""
    source = dead_letter_queue(session, outputs, now=now, skipped=skipped)
    return RedriveDesk(
        source=source,
        target=SqsQueue(session, outputs[names.QUEUE_URL]),
        moves=SqsMoveTasks(session),
        bodies=DeadLetterTable(session, outputs[names.TABLE_NAME]),
        audit=OperatorAudit(logger=AuditLogger(session, outputs[names.AUDIT_NAME])),
        operator=Operator(principal=identity(session).arn, user=_user()),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"

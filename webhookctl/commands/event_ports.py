"""What the event commands reach, made from the chosen environment."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from stack import outputs as names
from webhookctl.context import AppContext
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.events.search import EventSources, Source, source_of
from webhookctl.core.events.stored import EventFilter
from webhookctl.core.logs import LogEvent

if TYPE_CHECKING:
    from webhookctl.aws.table import Table

LIST_SINCE: Final = """\
With --since the audit log names the webhooks, and only they are read, one by
one, until --limit are found: cheaper for a short time, dearer for most of the table."""
OPEN_SINCE: Final = """\
With --since the audit log names what is not processed, and only that is read,
one by one."""
_LOOK: Final = ScanLimits(visibility_s=30)
_MOST: Final = 10_000
"""Dead letters that are looked through; beyond that the redrive comes first."""


def event_sources(app: AppContext) -> EventSources:
    """Return everything that can answer which webhooks are stored."""
    return EventSources(table=app.table, by_id=webhook_rows(app), payments=app.payment_index, audit=app.audit_log)


def listed_sources(app: AppContext) -> EventSources:
    """Return the same for showing alone: a row that is no webhook is left out, and named on stderr."""
    from webhookctl.aws.table import Table

    table = Table(app.session, app.outputs[names.TABLE_NAME], skipped=app.tell_skipped)
    return EventSources(table=table, by_id=table, payments=app.payment_index, audit=app.audit_log)


def webhook_rows(app: AppContext) -> "Table":
    """Return the table, for reading many webhooks by id."""
    from webhookctl.aws.table import Table

    return Table(app.session, app.outputs[names.TABLE_NAME])


def tell_cost(app: AppContext, keep: EventFilter, *, payment_id: str | None = None, hint: str = LIST_SINCE) -> None:
    """Say so where a question reads, and bills, the whole table; `hint` says what --since costs instead."""
    if source_of(keep, payment_id=payment_id) is Source.SCAN:
        app.console.say(f"This question costs {Source.SCAN.value}.\n{hint}")


def tell_rest(app: AppContext, shown: int, more: str) -> None:
    """Say that there is more than is shown, and how to get it."""
    app.console.say(f"{shown:,} shown; more: {more}")


def tell_hidden_traces(app: AppContext) -> None:
    """Say so where X-Ray shows less than all traces, also when some were found."""
    reason = app.traces.hidden_reason()
    if reason is not None:
        app.console.warn(reason)


def dead_letter_ids(app: AppContext, *ids: str) -> set[str]:
    """Return the webhooks in the dead-letter queue, among `ids` where given. Looks without taking anything out."""
    letters = app.dead_letters.look(DeadLetterFilter(ids=ids), limits=_LOOK, most=_MOST)
    return {letter.message.webhook_id for letter in letters if letter.message.webhook_id is not None}


def pattern_of(webhook_id: str) -> str | None:
    """Return the filter pattern for lines about a webhook; None for an id that a JSON line writes with escapes."""
    return f'"{webhook_id}"' if json.dumps(webhook_id) == f'"{webhook_id}"' else None


def function_lines(app: AppContext, start: datetime, *, pattern: str | None) -> Iterator[tuple[str, LogEvent]]:
    """Yield (function, line) of the receiver's and the processor's logs."""
    functions = {names.RECEIVER_NAME: "receiver", names.PROCESSOR_NAME: "processor"}
    for output, function in functions.items():
        group = names.log_group_name(app.outputs[output])
        yield from ((function, event) for event in app.logs.events(group, start=start, pattern=pattern))


def account(app: AppContext, action: str, outcome: str, *, webhooks: int) -> None:
    """Write an operator's audit line. Raises WebhookctlError: what can't be audited is not done."""
    app.redrive_desk.account(action, uuid4().hex, outcome, details={"webhooks": webhooks})

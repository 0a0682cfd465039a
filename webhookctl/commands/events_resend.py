"""`webhookctl events resend`: stored webhooks, signed and sent again."""

from typing import Annotated

import typer

from webhookctl.commands.options import PATIENCE, DryRun, Timeout, WebhookIds
from webhookctl.commands.send_actions import send_drafts
from webhookctl.commands.send_options import SendOptions, given
from webhookctl.context import Context
from webhookctl.core.send.http import check_url
from webhookctl.core.send.resend import drafts_of
from webhookctl.errors import UsageError


def resend(
    ctx: Context,
    webhook_ids: WebhookIds,
    url: Annotated[str | None, typer.Option("--url", help="Send here instead of to the stack.")] = None,
    secret_from: Annotated[
        str | None,
        typer.Option("--secret-from", metavar="SOURCE", help="Key from a file, - (stdin) or a Secrets Manager name."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Follow to PROCESSED or the DLQ.")] = False,
    timeout: Timeout = PATIENCE,
    allow_redacted: Annotated[
        bool, typer.Option("--allow-redacted", help="Send bodies whose card data was taken out.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Send stored webhooks again, signed with the present secret and time.

    The bytes are the stored ones, so the stack knows them as duplicates: what is PROCESSED stays as it is.
    """
    if "timeout" in given(ctx) and not wait:
        raise UsageError("--timeout is for waiting, and nothing is waited for", hint="add --wait")
    if url is not None:
        check_url(url)
    drafts = drafts_of(webhook_ids, ctx.obj.table, allow_redacted=allow_redacted)
    if dry_run:
        ctx.obj.show([{"webhook_id": d.webhook_id, "event_type": d.event_type, "bytes": len(d.body)} for d in drafts])
        return
    options = SendOptions(url=url, secret_from=secret_from, wait=wait, timeout=timeout)
    send_drafts(ctx.obj, sorted({d.provider for d in drafts}), iter(drafts), options)

"""`webhookctl send`: signed test webhooks of any provider, to the deployed stack or to any URL."""

from typing import Annotated

import typer

from webhookctl.commands import send_actions, send_modes
from webhookctl.commands.send_options import SendOptions, complete_event_type, given, with_options
from webhookctl.context import Context
from webhookctl.core.samples import catalogue

Provider = Annotated[
    str | None,
    typer.Argument(help="stripe, paypal or square.", autocompletion=catalogue.providers, show_default=False),
]
EventType = Annotated[
    str | None,
    typer.Argument(help="Default: the provider's payment.", autocompletion=complete_event_type, show_default=False),
]


@with_options(SendOptions)
def send(ctx: Context, provider: Provider = None, event_type: EventType = None, *, options: SendOptions) -> None:
    """Send signed test webhooks, one request each.

    Every event gets fresh ids and times, and is signed as its provider signs. Examples:

    webhookctl send stripe payment_intent.succeeded --set data.object.amount=4200 --wait

    webhookctl send square --file body.json --url https://example.com/hook --secret-from key.txt

    webhookctl send --list paypal
    """
    send_modes.check(given(ctx), provider, options)
    send_actions.choose(options)(ctx.obj, provider, event_type, options)

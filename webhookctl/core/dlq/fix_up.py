"""Fixing a stored payload before it is redriven: a JSON patch, the original kept, the change on record twice.

The table's own chain tells of the edit (the audit log shows the old and the new body's hash, the operator and the
note), and an operator line names the patch's paths. Values are never recorded: they may be personal.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from lambdas.shared.card_data import redact
from lambdas.shared.errors import WebhookError
from lambdas.shared.providers import get_provider
from lambdas.shared.webhook import StoredWebhook
from stack.limits import MAX_BODY_BYTES
from webhookctl.core.dlq import json_patch
from webhookctl.core.dlq.dead_letter import DeadLetter
from webhookctl.core.dlq.scan import Normalise
from webhookctl.errors import WebhookctlError


class EditError(WebhookctlError):
    """The payload of one webhook cannot be fixed up with this patch."""

    code = "edit"


class BodyStore(Protocol):
    """Replaces the body of a stored webhook."""

    def replace_body(self, before: StoredWebhook, after: StoredWebhook) -> bool:
        """Write `after` if `before` still stands and keep the first original beside it; say whether it was written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FixUp:
    """A patch and where it goes. `record` writes the operator's audit line for one webhook."""

    patch: json_patch.Patch
    bodies: BodyStore
    normalise: Normalise
    operator: str
    note: str
    record: Callable[[StoredWebhook, StoredWebhook], None]

    def check(self, letter: DeadLetter) -> DeadLetter:
        """Return the dead letter as it is if the patch fits it. Raises EditError. Writes nothing: for a dry run."""
        if letter.webhook is None:
            raise EditError("the table has no such webhook")
        patched(letter.webhook, self.patch)
        return letter

    def apply(self, letter: DeadLetter) -> DeadLetter:
        """Return the dead letter with its webhook's body fixed up in the table. Raises EditError: nothing changed.

        A webhook that this redrive fixed up before it was interrupted is left as it is.
        """
        before = letter.webhook
        if before is None:
            raise EditError("the table has no such webhook")
        if before.note == self.note:
            return letter
        body = patched(before, self.patch)
        after = before.edited(body, operator=self.operator, note=self.note)
        if not self.bodies.replace_body(before, after):
            raise EditError("the webhook was changed by somebody else just now")
        self.record(before, after)
        return replace(letter, webhook=after, event=self.normalise(after))


def patched(webhook: StoredWebhook, patch: json_patch.Patch) -> bytes:
    """Return the patched body. Raises EditError unless it is still the same event, readable and not too large."""
    try:
        document = json_patch.apply(patch, json.loads(webhook.body))
    except ValueError as error:
        raise EditError("the stored body is not JSON: a JSON patch cannot fix it") from error
    except json_patch.PatchError as error:
        raise EditError(error.message) from error
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    if redact(body).count:
        raise EditError("the patched body would hold card data: that is never stored")
    if len(body) > MAX_BODY_BYTES:
        raise EditError(f"the patched body has {len(body):,} bytes; the receiver takes {MAX_BODY_BYTES:,}")
    try:
        event_id = get_provider(webhook.provider).identify(body).event_id
    except WebhookError as error:
        raise EditError(f"the patched body is not an event of {webhook.provider}: {error}") from error
    if event_id != webhook.event_id:
        raise EditError("the patch changes which event it is: its id must stay")
    return body

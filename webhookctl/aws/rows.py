"""Rows of the table as what they stand for; one that is none is named, with what tells how it came there."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lambdas.shared.errors import MalformedError
from lambdas.shared.webhook import StoredWebhook
from webhookctl.errors import WebhookctlError

_T = TypeVar("_T")


class MalformedRowError(WebhookctlError):
    """Somebody else wrote the row, or changed it."""

    code = "malformed_row"


def stored_webhook(item: Mapping[str, Any]) -> StoredWebhook:
    """Read an item. Raises MalformedRowError."""
    return read(row_id(item), StoredWebhook.from_item, item)


def read(webhook_id: object, reader: Callable[[Mapping[str, Any]], _T], values: Mapping[str, Any]) -> _T:
    """Return what `reader` makes of a row's values. Raises MalformedRowError where something is missing or odd."""
    try:
        return reader(values)
    except (MalformedError, KeyError, TypeError, ValueError) as error:
        raise MalformedRowError(
            f"row {webhook_id!r} is not a stored webhook", hint="webhookctl audit verify says what happened to it"
        ) from error


def row_id(item: Mapping[str, Any]) -> str:
    """Return an item's key."""
    return str(item.get("webhookId", {}).get("S", "?"))

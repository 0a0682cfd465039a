"""Small, fresh webhook bodies for load: each has its own event id, none names a real person or card."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final


def _stripe(token: str, now: datetime) -> dict[str, object]:
    intent = {
        "id": f"pi_load{token}",
        "object": "payment_intent",
        "amount": 4200,
        "amount_received": 4200,
        "currency": "usd",
        "status": "succeeded",
    }
    return {
        "id": f"evt_load{token}",
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": int(now.timestamp()),
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "payment_intent.succeeded",
        "data": {"object": intent},
    }


def _paypal(token: str, now: datetime) -> dict[str, object]:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": f"WH-LOAD{token}",
        "event_version": "1.0",
        "create_time": stamp,
        "resource_type": "capture",
        "resource_version": "2.0",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "summary": "Payment completed",
        "resource": {
            "id": f"CAP{token[:14].upper()}",
            "status": "COMPLETED",
            "amount": {"value": "42.00", "currency_code": "USD"},
        },
        "links": [],
    }


def _square(token: str, now: datetime) -> dict[str, object]:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    payment = {"id": f"sq{token}", "status": "COMPLETED", "total_money": {"amount": 4200, "currency": "USD"}}
    return {
        "merchant_id": "LOADMERCHANT",
        "type": "payment.updated",
        "event_id": str(uuid.UUID(token)),
        "created_at": stamp,
        "data": {"type": "payment", "id": payment["id"], "object": {"payment": payment}},
    }


_MAKERS: Final[Mapping[str, tuple[str, Callable[[str, datetime], dict[str, object]]]]] = {
    "stripe": ("id", _stripe),
    "paypal": ("id", _paypal),
    "square": ("event_id", _square),
}


def fresh_body(provider: str, *, now: datetime | None = None) -> tuple[str, bytes]:
    """Return a new event of `provider` as (provider event id, raw body). Raises KeyError for an unknown provider."""
    id_field, make = _MAKERS[provider]
    event = make(uuid.uuid4().hex, now or datetime.now(UTC))
    return str(event[id_field]), json.dumps(event, separators=(",", ":")).encode()

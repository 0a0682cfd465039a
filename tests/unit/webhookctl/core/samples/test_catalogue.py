"""The catalogue: complete, coherent, in the shapes that the providers' own SDKs know."""

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from stripe._object_classes import OBJECT_CLASSES

from lambdas.shared.providers import get_provider
from tests.fakes_sender import NOW
from webhookctl.core.samples import catalogue
from webhookctl.core.samples.ids import Cast, IdSource
from webhookctl.core.samples.render import Money, render, serialise
from webhookctl.errors import UsageError

EVERY = [(provider, name) for provider in catalogue.providers() for name in catalogue.event_types(provider)]
OLDER = [(provider, name, version) for provider, name in EVERY for version in catalogue.older_shapes(provider, name)]
STRIPE_LISTS = {"total_count"}
"""Members of Stripe's lists that its SDK takes without declaring them."""
SQUARE_UNDECLARED = {".data.deleted"}
"""Square's guide shows it in every `*.deleted` event; its SDK's model of `customer.deleted` lacks it."""


def event_of(provider: str, name: str, *, version: str | None = None, money: Money | None = None) -> dict[str, Any]:
    sample = catalogue.load(provider, name, api_version=version)
    return render(sample, cast=Cast(IdSource(7), sample.vocabulary.ids), now=NOW, money=money)


@pytest.mark.parametrize(("provider", "least"), [("stripe", 40), ("paypal", 20), ("square", 20)])
def test_catalogue_covers_what_was_promised(provider: str, least: int) -> None:
    """Every provider has as many event types as the documentation says."""
    assert len(catalogue.event_types(provider)) >= least


@pytest.mark.parametrize(("provider", "name"), EVERY)
def test_a_sample_is_the_event_that_its_file_is_named_after(provider: str, name: str) -> None:
    """The receiver reads the file's name as the event type, a fresh id and a time near now."""
    event = event_of(provider, name)
    identity = get_provider(provider).identify(json.dumps(event).encode())
    assert identity.event_type == name
    assert identity.created_at is not None
    assert abs((identity.created_at - NOW).total_seconds()) < 1


@pytest.mark.parametrize(("provider", "name"), EVERY)
def test_a_sample_can_be_normalised(provider: str, name: str) -> None:
    """No sample is malformed in the receiver's eyes, and its amount is the one that was asked for."""
    body = json.dumps(event_of(provider, name, money=Money(amount=9900, currency="EUR"))).encode()
    meaning = get_provider(provider).normalise(body)
    assert meaning.amount_minor in (None, 0, 9900, 9000)  # 9000: a subscription's price before tax
    assert meaning.currency in (None, "EUR")


@pytest.mark.parametrize(("provider", "name"), EVERY)
def test_no_placeholder_survives(provider: str, name: str) -> None:
    """Everything in braces has been filled."""
    assert "{{" not in json.dumps(event_of(provider, name))


@pytest.mark.parametrize(("provider", "name"), EVERY)
def test_two_events_of_a_type_share_no_id(provider: str, name: str) -> None:
    """Ids are fresh each time, the event's own and those inside."""
    sample = catalogue.load(provider, name)
    words, ids = sample.vocabulary, IdSource()
    one, two = (render(sample, cast=Cast(ids, words.ids), now=NOW) for _ in range(2))
    key = "event_id" if "event_id" in one else "id"
    assert one[key] != two[key]


@pytest.mark.parametrize(("provider", "name"), EVERY)
def test_the_same_seed_makes_the_same_bytes(provider: str, name: str) -> None:
    """Seed, time and amount decide every byte."""
    words = catalogue.vocabulary(provider)
    assert serialise(event_of(provider, name), words) == serialise(event_of(provider, name), words)


@pytest.mark.parametrize(
    ("currency", "expected"), [("USD", "42.00"), ("JPY", "4200"), ("HUF", "4200"), ("EUR", "42.00")]
)
def test_paypal_writes_amounts_with_the_currency_s_decimals(currency: str, expected: str) -> None:
    """PayPal sends text with as many decimals as the currency has there."""
    event = event_of("paypal", "PAYMENT.CAPTURE.COMPLETED", money=Money(amount=4200, currency=currency))
    assert event["resource"]["amount"] == {"currency_code": currency, "value": expected}


def test_paypal_parts_add_up() -> None:
    """Gross is fee plus net, and the total is items plus tax."""
    capture = event_of("paypal", "PAYMENT.CAPTURE.COMPLETED")["resource"]["seller_receivable_breakdown"]
    parts = {name: round(float(money["value"]) * 100) for name, money in capture.items()}
    assert parts["gross_amount"] == parts["paypal_fee"] + parts["net_amount"]


@pytest.mark.parametrize("name", ["invoice.paid", "invoice.payment_failed", "invoice.created"])
def test_stripe_invoices_add_up(name: str) -> None:
    """Lines and tax make the total; paid and remaining make what is due."""
    invoice = event_of("stripe", name)["data"]["object"]
    assert sum(line["amount"] for line in invoice["lines"]["data"]) == invoice["subtotal"]
    assert invoice["subtotal"] + sum(tax["amount"] for tax in invoice["total_taxes"]) == invoice["total"]
    assert invoice["amount_paid"] + invoice["amount_remaining"] == invoice["amount_due"] == invoice["total"]


def test_ids_agree_across_the_body() -> None:
    """The declined charge of the error is the payment's latest charge; a dispute's money movement names it."""
    intent = event_of("stripe", "payment_intent.payment_failed")["data"]["object"]
    assert intent["last_payment_error"]["charge"] == intent["latest_charge"]
    dispute = event_of("stripe", "charge.dispute.created")["data"]["object"]
    assert dispute["balance_transactions"][0]["source"] == dispute["id"]
    refund = event_of("square", "refund.updated")["data"]
    assert refund["id"] == refund["object"]["refund"]["id"]
    assert refund["id"].startswith(refund["object"]["refund"]["payment_id"])


def test_a_version_before_basil_selects_the_older_invoice() -> None:
    """Until 2025-03-31 an invoice named its payment intent; since then it does not."""
    older = event_of("stripe", "invoice.paid", version="2024-06-20")
    newer = event_of("stripe", "invoice.paid", version="2025-03-31.basil")
    assert older["api_version"] == "2024-06-20"
    assert older["data"]["object"]["payment_intent"].startswith("pi_")
    assert older["data"]["object"]["paid"] is True
    assert {"payment_intent", "charge", "paid", "subscription"}.isdisjoint(newer["data"]["object"])


@pytest.mark.parametrize(("provider", "name", "version"), OLDER)
def test_an_older_shape_can_be_normalised(provider: str, name: str, version: str) -> None:
    """The older shapes mean the same kind as the current ones."""
    before = catalogue.vocabulary(provider).oldest_api_version
    assert before is not None
    assert before < version
    older, newer = (
        get_provider(provider).normalise(json.dumps(event_of(provider, name, version=v)).encode())
        for v in (before, None)
    )
    assert (older.kind, older.amount_minor) == (newer.kind, newer.amount_minor)


def test_an_event_that_did_not_exist_then_is_refused() -> None:
    """`invoice_payment.paid` came with basil."""
    with pytest.raises(UsageError, match="does not exist before API version 2025-03-31"):
        catalogue.load("stripe", "invoice_payment.paid", api_version="2024-06-20")


def test_a_version_is_refused_where_events_carry_none() -> None:
    """PayPal's and Square's events are not versioned by the endpoint."""
    with pytest.raises(UsageError, match="carry no API version"):
        catalogue.load("square", "payment.updated", api_version="2024-06-20")


@pytest.mark.parametrize(
    ("provider", "typo", "meant"),
    [
        ("stripe", "payment_intent.suceeded", "payment_intent.succeeded"),
        ("stripe", "Invoice.Paid", "invoice.paid"),
        ("paypal", "payment.capture.complete", "PAYMENT.CAPTURE.COMPLETED"),
        ("square", "refunds.created", "refund.created"),
    ],
)
def test_a_typo_gets_the_nearest_event_type(provider: str, typo: str, meant: str) -> None:
    """The hint names what was probably meant, whatever the case."""
    with pytest.raises(UsageError) as caught:
        catalogue.load(provider, typo)
    assert f"did you mean {meant}" in str(caught.value.hint)


def test_an_unknown_provider_names_the_known_ones() -> None:
    """The hint lists every provider with samples."""
    with pytest.raises(UsageError, match="unknown provider 'strip'") as caught:
        catalogue.load("strip")
    assert {"paypal", "square", "stripe"} <= set(re.findall(r"\w+", str(caught.value.hint)))


@pytest.mark.parametrize("name", catalogue.event_types("stripe"))
def test_stripe_s_sdk_declares_every_field(name: str) -> None:
    """Every object of a sample has only fields that the current SDK knows of that object."""
    event = event_of("stripe", name)
    unknown = {
        f"{found['object']}.{field}"
        for found in _stripe_objects(event.get("data", {}).get("object", {}))
        for field in found.keys() - _declared(found["object"]) - STRIPE_LISTS
    }
    assert unknown == set()


def _stripe_objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("object") in OBJECT_CLASSES:
            yield node
        for value in node.values():
            yield from _stripe_objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _stripe_objects(value)


def _declared(name: str) -> set[str]:
    module, cls = OBJECT_CLASSES[name]
    found = getattr(importlib.import_module(module), cls)
    return {"object"} | {f for c in inspect.getmro(found) for f in getattr(c, "__annotations__", {})}


@pytest.mark.parametrize("name", catalogue.event_types("square"))
def test_square_s_sdk_declares_every_field(name: str) -> None:
    """Every model that Square's SDK makes of a sample has no field that it does not know."""
    found = _extras(_square_model(name).model_validate(event_of("square", name)))
    assert set(found) <= SQUARE_UNDECLARED


def _square_model(name: str) -> Any:
    stem = name.replace(".", "_")
    module = importlib.import_module(f"square.types.{stem}_event")
    return getattr(module, "".join(part.capitalize() for part in stem.split("_")) + "Event")


def _extras(model: Any, path: str = "") -> Iterator[str]:
    yield from (f"{path}.{name}" for name in getattr(model, "__pydantic_extra__", None) or {})
    for name in getattr(model, "model_fields_set", ()):
        value = getattr(model, name, None)
        for item in value if isinstance(value, list) else [value]:
            if hasattr(item, "__pydantic_extra__"):
                yield from _extras(item, f"{path}.{name}")

"""What is Stripe's own: which header items count, and both event shapes."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from lambdas.shared.errors import MalformedError, VerificationError
from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import Key, ProviderSecret, Reason
from lambdas.shared.webhook import EventIdentity, PaymentEvent
from tests.provider_cases import request

STRIPE = get_provider("stripe")
AT = datetime.fromtimestamp(1790000000, tz=UTC)


def verdict(header: str) -> str:
    """Return why a header over `{}` is refused at second 1790000000, or "accepted"."""
    secret = ProviderSecret(keys=(Key(id="k", value="whsec_x"),))
    try:
        STRIPE.verify(request("stripe", b"{}", {"stripe-signature": header}), secret, now=AT)
    except (MalformedError, VerificationError) as error:
        return error.reason
    return "accepted"


def v1(timestamp: str) -> str:
    """Return the right signature over a timestamp as it is spelled."""
    return hmac.new(b"whsec_x", f"{timestamp}.{{}}".encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "timestamp", ["01790000000", "+1790000000", "\uff11790000000", "-1", "0", "9" * 13, "9" * 5000]
)
def test_a_time_is_plain_digits(timestamp: str) -> None:
    """Any other spelling is malformed, however well it is signed."""
    assert verdict(f"t={timestamp},v1={v1(timestamp)}") == Reason.MALFORMED_HEADER


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("v1={v1}", "accepted"),
        ("v1=é,v1={v1}", "accepted"),
        ("v1=,v1={v1},v0=é", "accepted"),
        ("v1=é", Reason.WRONG_SIGNATURE),
        ("v1={v1}é", Reason.WRONG_SIGNATURE),
        ("v0={v1}", Reason.MALFORMED_HEADER),
        (" v1={v1}", Reason.MALFORMED_HEADER),
    ],
)
def test_any_right_v1_counts_and_nothing_else(items: str, expected: str) -> None:
    """Another item is passed over, whatever it holds; a rotation sends two."""
    assert verdict("t=1790000000," + items.format(v1=v1("1790000000"))) == expected


def test_a_snapshot_event_of_a_connect_account_is_identified() -> None:
    """Every member of the envelope that is kept, `account` included."""
    body = (
        b'{"id": "evt_1", "object": "event", "account": "acct_1", "api_version": "2025-03-31.basil",'
        b' "created": 1790000000, "livemode": true, "type": "payout.paid", "data": {"object": {}}}'
    )
    assert STRIPE.identify(body) == EventIdentity(
        event_id="evt_1",
        event_type="payout.paid",
        created_at=datetime.fromtimestamp(1790000000, tz=UTC),
        api_version="2025-03-31.basil",
        livemode=True,
        account="acct_1",
    )


def test_a_thin_event_is_identified_and_means_other() -> None:
    """It carries a reference, not an object; its time is RFC 3339 and its account stands in `context`."""
    body = (
        b'{"id": "evt_test_1", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",'
        b' "livemode": false, "created": "2024-09-17T06:20:52.246Z", "context": "acct_1",'
        b' "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"}}'
    )
    identity = STRIPE.identify(body)
    assert identity.created_at == datetime(2024, 9, 17, 6, 20, 52, 246000, tzinfo=UTC)
    assert (identity.account, identity.livemode, identity.api_version) == ("acct_1", False, None)
    assert STRIPE.normalise(body) == PaymentEvent(kind="other")


@pytest.mark.parametrize("created", ["null", "true", "99999999999999999999", '"yesterday"', "1.5", "-1e3", "[]"])
def test_an_impossible_time_is_no_reason_to_refuse(created: str) -> None:
    """The event is known without it."""
    assert STRIPE.identify(b'{"id": "evt_1", "type": "a", "created": %s}' % created.encode()).created_at is None


@pytest.mark.parametrize(
    ("currency", "decimals"), [("usd", 2), ("JPY", 0), ("mga", 0), ("kwd", 3), ("isk", 2), ("ugx", 2), ("huf", 2)]
)
def test_stripe_counts_decimals_its_own_way(currency: str, decimals: int) -> None:
    """ISO says 0 for ISK and UGX and 2 for MGA; Stripe's API does not."""
    assert STRIPE.decimals(currency) == decimals

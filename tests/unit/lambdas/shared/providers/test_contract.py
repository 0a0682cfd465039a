"""The laws that every provider keeps, one suite for all of them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.shared.errors import MalformedError, UnavailableError, VerificationError, WebhookError
from lambdas.shared.providers.base import Key, Reason
from lambdas.shared.providers.rules import KINDS
from lambdas.shared.webhook import WebhookRequest
from tests.provider_cases import CASES, NOW, UNKNOWN_TYPE, Case, request

every_provider = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
SECOND = timedelta(seconds=1)

UNREADABLE: Mapping[str, bytes] = {
    "invalid UTF-8": b'{"id": "\xff\xfe"}',
    "byte order mark": b'\xef\xbb\xbf{"id": "evt_1", "type": "a", "event_id": "1", "event_type": "a"}',
    "UTF-16": '{"id": "evt_1"}'.encode("utf-16"),
    "not JSON": b"hello",
    "truncated": b'{"id": "evt_1"',
    "duplicate key": b'{"id": "1", "id": "2", "type": "a", "event_id": "1", "event_type": "a"}',
    "duplicate key inside": b'{"id": "1", "type": "a", "event_id": "1", "event_type": "a", "data": {"a": 1, "a": 2}}',
    "NaN": b'{"id": "1", "type": "a", "event_id": "1", "event_type": "a", "amount": NaN}',
    "Infinity": b'{"id": "1", "type": "a", "event_id": "1", "event_type": "a", "amount": -Infinity}',
    "huge exponent": b'{"id": "1", "type": "a", "event_id": "1", "event_type": "a", "amount": 1e99999999999999999999}',
    "huge integer": b'{"id": "1", "type": "a", "event_id": "1", "event_type": "a", "amount": ' + b"9" * 5000 + b"}",
    "nested arrays": b'{"id": "1", "type": "a", "event_id": "1", "event_type": "a", "x": '
    + b"[" * 65
    + b"]" * 65
    + b"}",
    "nested 100,000 deep": b"[" * 100_000,
    "nested objects": b'{"a":' * 70 + b"1" + b"}" * 70,
    "array": b'[{"id": "evt_1"}]',
    "string": b'"evt_1"',
    "number": b"1",
    "null": b"null",
    "no id and no type": b"{}",
    "ids that are no texts": b'{"id": 1, "type": 2, "event_id": 3, "event_type": 4}',
    "empty texts": b'{"id": "", "type": "", "event_id": "", "event_type": ""}',
    "lone surrogate": b'{"id": "\\ud800", "type": "\\ud800", "event_id": "\\ud800", "event_type": "\\ud800"}',
    "control characters": b'{"id": "a\\u0000b", "type": "a\\nb", "event_id": "a\\u0000b", "event_type": "a\\nb"}',
    "endless id": b'{"id": "%s", "type": "%s", "event_id": "%s", "event_type": "%s"}' % ((b"a" * 256,) * 4),
}


@every_provider
def test_what_is_signed_is_accepted_and_the_key_is_named(case: Case) -> None:
    """A genuine delivery verifies, says which key signed it, and when where a time is signed."""
    verification = case.provider.verify(case.request(case.body()), case.secret, now=NOW)
    assert verification.key_id == "key-0"
    assert verification.signed_at == (NOW if case.max_age else None)


@every_provider
@pytest.mark.parametrize("position", [0, 10, -1])
def test_a_changed_body_is_refused(case: Case, position: int) -> None:
    """One changed byte of the body makes the signature wrong."""
    signed = case.request(case.body())
    forged = bytearray(signed.body)
    forged[position] ^= 1
    _refused(case, replace(signed, body=bytes(forged)), Reason.WRONG_SIGNATURE)


@every_provider
def test_a_body_with_something_appended_is_refused(case: Case) -> None:
    """Not even a trailing newline may be added: the bytes are signed, not what they say."""
    signed = case.request(case.body())
    _refused(case, replace(signed, body=signed.body + b"\n"), Reason.WRONG_SIGNATURE)


@every_provider
def test_an_old_signature_is_stale(case: Case) -> None:
    """Where a time is signed, the last moment of its age limit passes and the next second does not."""
    if case.max_age is None:
        case.provider.verify(case.request(case.body(), at=NOW - timedelta(days=365)), case.secret, now=NOW)
        return
    case.provider.verify(case.request(case.body(), at=NOW - case.max_age), case.secret, now=NOW)
    _refused(case, case.request(case.body(), at=NOW - case.max_age - SECOND), Reason.STALE)


@every_provider
def test_a_signature_from_the_future_is_refused(case: Case) -> None:
    """Where a time is signed, five minutes ahead pass (clocks differ) and the next second does not."""
    ahead = timedelta(seconds=300)
    case.provider.verify(case.request(case.body(), at=NOW + ahead), case.secret, now=NOW)
    if case.max_age is not None:
        _refused(case, case.request(case.body(), at=NOW + ahead + SECOND), Reason.FROM_THE_FUTURE)


@every_provider
def test_every_signed_header_is_required(case: Case) -> None:
    """Without any one of the headers, or with an empty one, nothing verifies."""
    signed = case.request(case.body())
    for name in case.signed_headers:
        without = {key: value for key, value in signed.headers.items() if key != name}
        _refused(case, replace(signed, headers=without), Reason.MISSING_HEADER)
        _refused(case, replace(signed, headers=without | {name: ""}), Reason.MISSING_HEADER)


@every_provider
@pytest.mark.parametrize(
    "garbage",
    [" ", "garbage", ",", "=", "t=", "t=1,v1=", "é", "\x00", "\ud800", "v1,", "v1,é", "9" * 5000, "a|b", "v1," * 900],
)
def test_garbage_in_a_header_is_an_error_of_ours(case: Case, garbage: str) -> None:
    """Whatever stands in a signature header, the answer is a refusal with a reason, never another exception."""
    signed = case.request(case.body())
    for name in case.signed_headers:
        changed = replace(signed, headers={**signed.headers, name: garbage})
        with pytest.raises((MalformedError, VerificationError)) as refusal:
            case.provider.verify(changed, case.secret, now=NOW)
        assert refusal.value.reason in set(Reason)


@every_provider
@pytest.mark.parametrize("separator", [",", ", "])
def test_a_header_sent_twice_is_never_taken_for_another(case: Case, separator: str) -> None:
    """A header that arrives twice, joined by a proxy, is refused or means what its first value means."""
    signed = case.request(case.body())
    forged = case.request(case.body(), secret=case.with_keys(case.key_values[1]))
    for name in case.signed_headers:
        joined = {**signed.headers, name: forged.headers[name] + separator + forged.headers[name]}
        if forged.headers[name] != signed.headers[name]:
            with pytest.raises((MalformedError, VerificationError)):
                case.provider.verify(replace(signed, headers=joined), case.secret, now=NOW)


@every_provider
def test_a_wrong_secret_is_refused(case: Case) -> None:
    """What another secret signed does not verify with ours."""
    other = case.with_keys(case.key_values[1])
    _refused(case, case.request(case.body(), secret=other), Reason.WRONG_SIGNATURE)


@every_provider
def test_after_a_rotation_both_keys_verify_and_the_newest_signs(case: Case) -> None:
    """While a rotation overlaps, old and new signatures pass, and the key that matched is named."""
    old, new = case.key_values
    rotated = case.with_keys(new, old)
    assert case.provider.verify(case.request(case.body()), rotated, now=NOW).key_id == "key-1"
    assert case.provider.verify(case.request(case.body(), secret=rotated), rotated, now=NOW).key_id == "key-0"
    with pytest.raises(VerificationError):
        case.provider.verify(case.request(case.body(), secret=rotated), case.secret, now=NOW)


@every_provider
@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_an_empty_key_verifies_nothing(case: Case, value: str) -> None:
    """An empty key is no key: anyone could sign with it. The delivery is to come again, not to be refused."""
    signed = case.request(case.body())
    for keys in ((), (Key(id="empty", value=value),)):
        with pytest.raises(UnavailableError):
            case.provider.verify(signed, replace(case.secret, keys=keys), now=NOW)
        with pytest.raises(UnavailableError):
            case.provider.sign(b"{}", replace(case.secret, keys=keys), at=NOW)


@every_provider
def test_an_empty_body_is_malformed(case: Case) -> None:
    """No provider sends an empty body, however well it is signed."""
    with pytest.raises(MalformedError) as refusal:
        case.provider.verify(case.request(b""), case.secret, now=NOW)
    assert refusal.value.reason == Reason.MALFORMED_BODY
    for read in (case.provider.identify, case.provider.normalise):
        with pytest.raises(MalformedError):
            read(b"")


@every_provider
@pytest.mark.parametrize("why", UNREADABLE)
def test_an_unreadable_body_may_verify_but_is_malformed(case: Case, why: str) -> None:
    """Signatures are over bytes; what is no event is refused when it is read, as a 400."""
    body = UNREADABLE[why]
    case.provider.verify(case.request(body), case.secret, now=NOW)
    with pytest.raises(MalformedError) as refusal:
        case.provider.identify(body)
    assert refusal.value.reason == Reason.MALFORMED_BODY
    with pytest.raises(MalformedError):
        case.provider.normalise(body)


@every_provider
def test_a_megabyte_is_verified_and_read(case: Case) -> None:
    """Size is no matter of the provider's code; the receiver limits it before."""
    body = json.dumps({**case.event(case.event_type), "padding": "x" * 1_000_000}).encode()
    case.provider.verify(case.request(body), case.secret, now=NOW)
    assert case.provider.identify(body).event_type == case.event_type


@every_provider
def test_an_event_says_which_it_is(case: Case) -> None:
    """The event's own id, type and time are read from the body."""
    identity = case.provider.identify(case.body())
    assert identity.event_id in json.dumps(case.event(case.event_type))
    assert identity.event_type == case.event_type
    assert identity.created_at is not None
    assert identity.created_at.tzinfo is not None


@every_provider
def test_an_unknown_event_type_means_other(case: Case) -> None:
    """An event type without a rule is never refused."""
    event = case.provider.normalise(case.body(UNKNOWN_TYPE))
    assert (event.kind, event.amount_minor, event.payment_id) == ("other", None, None)


@every_provider
def test_a_known_event_means_a_canonical_kind(case: Case) -> None:
    """The case's own event is read exactly."""
    event = case.provider.normalise(case.body())
    assert event.kind in KINDS
    if event.kind != "other":
        assert (event.kind, event.amount_minor, event.currency) == ("payment.succeeded", 4200, "EUR")


@every_provider
def test_the_signature_of_another_provider_is_no_signature(case: Case) -> None:
    """A delivery that another provider signed lacks our headers."""
    for other in CASES:
        if other is not case:
            signed = request(case.name, case.body(), other.request(case.body()).headers)
            _refused(case, signed, Reason.MISSING_HEADER)


@every_provider
def test_errors_never_show_what_was_sent(case: Case) -> None:
    """Neither signature, secret nor body appears in an error's text."""
    signed = case.request(case.body(), secret=case.with_keys(case.key_values[1]))
    with pytest.raises(WebhookError) as refusal:
        case.provider.verify(signed, case.secret, now=NOW)
    for secret in (*case.key_values, *(signed.headers[name] for name in case.signed_headers), signed.body.decode()):
        if len(secret) > 20:
            assert secret not in str(refusal.value)


@every_provider
def test_currencies_have_decimals(case: Case) -> None:
    """Every provider says how many decimals a currency has, in any case of letters."""
    assert (case.provider.decimals("eur"), case.provider.decimals("JPY"), case.provider.decimals("jpy")) == (2, 0, 0)


def _refused(case: Case, delivery: WebhookRequest, reason: Reason) -> None:
    with pytest.raises(VerificationError) as refusal:
        case.provider.verify(delivery, case.secret, now=NOW)
    assert refusal.value.reason == reason

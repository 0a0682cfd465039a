"""What holds for any body, any header and any change, by generated examples."""

import json
import string
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.shared.errors import MalformedError, VerificationError
from lambdas.shared.providers.base import Reason
from tests.provider_cases import CASES, NOW, Case

every_provider = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

bodies = st.binary(min_size=1, max_size=400)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@every_provider
@quick
@given(body=bodies, skew=st.integers(min_value=-299, max_value=299))
def test_any_bytes_that_are_signed_verify(case: Case, body: bytes, skew: int) -> None:
    """Signing and verifying meet for any body, within the tolerance of the clocks."""
    delivery = case.request(body, at=NOW + timedelta(seconds=skew))
    assert case.provider.verify(delivery, case.secret, now=NOW).key_id == "key-0"


@every_provider
@quick
@given(body=bodies, data=st.data())
def test_any_changed_byte_of_a_body_is_refused(case: Case, body: bytes, data: st.DataObject) -> None:
    """Whichever byte is changed, to whatever, removed or added: the signature does not match."""
    signed = case.request(body)
    at = data.draw(st.integers(min_value=0, max_value=len(body) - 1))
    changed = bytearray(body)
    changed[at] ^= data.draw(st.integers(min_value=1, max_value=255))
    for forged in (bytes(changed), body[:at] + body[at + 1 :], body[:at] + b"\x00" + body[at:]):
        with pytest.raises((VerificationError, MalformedError)) as refusal:
            case.provider.verify(replace(signed, body=forged), case.secret, now=NOW)
        assert refusal.value.reason == (Reason.WRONG_SIGNATURE if forged else Reason.MALFORMED_BODY)


@every_provider
@quick
@given(data=st.data())
def test_any_changed_character_of_a_signed_header_is_refused(case: Case, data: st.DataObject) -> None:
    """No character of a signature, a signed id or a signed time can be exchanged for another."""
    signed = case.request(case.body())
    name = data.draw(st.sampled_from(case.signed_headers))
    value = signed.headers[name]
    at = data.draw(st.integers(min_value=0, max_value=len(value) - 1))
    other = data.draw(st.sampled_from(string.printable).filter(lambda character: character != value[at]))
    headers = {**signed.headers, name: value[:at] + other + value[at + 1 :]}
    with pytest.raises((VerificationError, MalformedError)):
        case.provider.verify(replace(signed, headers=headers), case.secret, now=NOW)


@every_provider
@quick
@given(data=st.data())
def test_any_header_text_is_answered(case: Case, data: st.DataObject) -> None:
    """Any text in any signature header is refused with a reason: no other exception gets out."""
    signed = case.request(case.body())
    headers = dict(signed.headers)
    for name in data.draw(st.sets(st.sampled_from(case.signed_headers), min_size=1)):
        headers[name] = data.draw(st.text(max_size=80))
    with pytest.raises((VerificationError, MalformedError)) as refusal:
        case.provider.verify(replace(signed, headers=headers), case.secret, now=NOW)
    assert refusal.value.reason in set(Reason)


@every_provider
@quick
@given(body=st.binary(max_size=400))
def test_any_bytes_are_read_or_malformed(case: Case, body: bytes) -> None:
    """Reading a body ends in an event or in MalformedError."""
    _reads_or_refuses(case, body)


@every_provider
@quick
@given(data=st.data())
def test_any_json_in_any_place_is_read_or_malformed(case: Case, data: st.DataObject) -> None:
    """A genuine event with any member replaced by any JSON ends in an event or in MalformedError."""
    event = case.event(case.event_type)
    place = event
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            place[key] = data.draw(json_values)
            break
        place = place[key]
    _reads_or_refuses(case, json.dumps(event).encode())


def _reads_or_refuses(case: Case, body: bytes) -> None:
    for read in (case.provider.identify, case.provider.normalise):
        with suppress(MalformedError):
            read(body)

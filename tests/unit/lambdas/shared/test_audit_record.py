"""Chain and seal: what is changed, dropped or made up shows."""

import pytest

from lambdas.shared.audit_record import (
    GENESIS,
    AuditKey,
    canonical,
    chain_hash,
    follows,
    is_chained,
    is_genuine,
    parse_audit_keys,
    seal,
)
from lambdas.shared.errors import UnavailableError

KEY = AuditKey(id="k1", value=b"one")
FIRST = {"webhookId": "stripe:evt_1", "seq": 1, "status": "RECEIVED", "prevHash": GENESIS}
FIRST["chainHash"] = chain_hash(GENESIS, FIRST)


def test_a_seal_proves_every_field() -> None:
    """A sealed line is genuine; after any change of any field it is not."""
    line = seal(FIRST, KEY)
    assert is_genuine(line, [KEY])
    for name in line:
        assert not is_genuine({**line, name: "x"}, [KEY])
    assert not is_genuine({**line, "added": 1}, [KEY])
    assert not is_genuine(FIRST, [KEY])


def test_a_seal_is_checked_with_the_key_that_it_names() -> None:
    """After a rotation old lines stay genuine; a key of the same name but another value proves nothing."""
    line = seal(FIRST, KEY)
    assert is_genuine(line, [AuditKey(id="k2", value=b"two"), KEY])
    assert not is_genuine(line, [AuditKey(id="k2", value=b"one")])
    assert not is_genuine(line, [AuditKey(id="k1", value=b"two")])


def test_a_chain_shows_a_missing_line() -> None:
    """A line follows its direct predecessor only."""
    second = {**FIRST, "seq": 2, "prevHash": FIRST["chainHash"], "chainHash": "c"}
    assert follows(FIRST, None)
    assert follows(second, FIRST)
    assert not follows(second, None)
    assert not follows({**second, "seq": 3}, FIRST)
    assert not follows({**second, "prevHash": "d"}, FIRST)


def test_the_canonical_form_is_fixed() -> None:
    """Order and spelling do not depend on how a value was made: lines sealed years ago stay checkable."""
    assert canonical({"b": 1, "a": {"d": None, "c": "é"}}) == b'{"a":{"c":"\\u00e9","d":null},"b":1}'
    assert FIRST["chainHash"] == chain_hash(GENESIS, dict(reversed(FIRST.items())))
    assert is_chained(FIRST)


def test_the_generated_key_of_a_fresh_stack_seals() -> None:
    """A new key goes before it, and lines of the first days stay checkable."""
    assert parse_audit_keys('{"keys": [], "generated": "abc"}') == (AuditKey(id="generated", value=b"abc"),)
    both = parse_audit_keys('{"v":1,"keys":[{"id":"k","value":"v"}],"generated":"abc"}')
    assert [key.id for key in both] == ["k", "generated"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys":[]}', '{"keys":[{}]}', '{"keys":[{"id":"x","value":""}]}'])
def test_no_usable_audit_key_is_an_error(text: str) -> None:
    """Nothing is sealed with an empty key."""
    with pytest.raises(UnavailableError):
        parse_audit_keys(text)

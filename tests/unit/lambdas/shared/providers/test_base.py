"""The secret's JSON: what it holds, and that it never shows it."""

import json

import pytest

from lambdas.shared.errors import UnavailableError
from lambdas.shared.providers.base import Key, ProviderSecret

FULL = ProviderSecret(
    keys=(Key(id="new", value="s3cret-new", created_at="2026-11-24"), Key(id="old", value="s3cret-old")),
    extra={"notificationUrl": "https://example.com/s3cret"},
)


def test_a_secret_survives_its_json() -> None:
    """Keys in order, ages and the provider's own members."""
    assert ProviderSecret.from_json(FULL.to_json()) == FULL
    assert json.loads(FULL.to_json())["v"] == 1


def test_a_secret_never_shows_itself() -> None:
    """Neither its keys' values nor its other members appear where it is printed."""
    assert "s3cret" not in repr(FULL)
    assert "s3cret" not in str(FULL.keys[0])


@pytest.mark.parametrize("text", ['{"keys": []}', '{"keys": [{"id": "a", "value": ""}, {"id": "b", "value": " "}]}'])
def test_a_secret_without_a_usable_key_is_empty(text: str) -> None:
    """An empty key would let anyone sign."""
    with pytest.raises(UnavailableError) as refused:
        ProviderSecret.from_json(text)
    assert refused.value.reason == "secret_empty"


@pytest.mark.parametrize(
    "text",
    ["", "whsec_x", "[]", "{}", "null", '{"keys": 1}', '{"keys": [1]}', '{"keys": ["a"]}', '{"keys": [{"id": "a"}]}'],
)
def test_a_malformed_secret_says_so(text: str) -> None:
    """Whatever an operator put there instead."""
    with pytest.raises(UnavailableError) as refused:
        ProviderSecret.from_json(text)
    assert refused.value.reason == "secret_malformed"
    assert text[:5] not in str(refused.value) or not text


@pytest.mark.parametrize("value", ["1", "null", '{"a": 1}', "true", '["x"]'])
def test_a_key_is_text(value: str) -> None:
    """A key of another type would be used as its spelling in Python."""
    with pytest.raises(UnavailableError):
        ProviderSecret.from_json(f'{{"keys": [{{"id": "a", "value": {value}}}]}}')

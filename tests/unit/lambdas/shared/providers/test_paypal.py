"""What is PayPal's own: headers, certificate addresses, ages and the cache."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.shared.errors import UnavailableError
from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import Reason
from lambdas.shared.providers.paypal import MAX_CACHED
from tests.fakes_certificates import issue
from tests.paypal_cases import AUTHORITY, LEAF, NAME, PREFIX, URL, Certificates, delivery, refusal, secret, strict
from tests.provider_cases import NOW

ALLOWED_URLS = (
    URL,
    URL.replace("api.paypal.com", "api-m.paypal.com"),
    URL.replace("api.paypal.com", "api.sandbox.paypal.com"),
    URL.replace("api.paypal.com", "api-m.sandbox.paypal.com"),
    URL.replace("api.paypal.com", "api.paypal.com:443"),
)
REFUSED_URLS = (
    URL.replace("https", "http"),
    URL.replace("https", "HTTPS"),
    URL.replace("https", "file"),
    URL.replace("api.paypal.com", "api.paypal.com.evil.example"),
    URL.replace("api.paypal.com", "evil-api.paypal.com"),
    URL.replace("api.paypal.com", "www.paypal.com"),
    URL.replace("api.paypal.com", "paypal.com"),
    URL.replace("api.paypal.com", "API.PAYPAL.COM"),
    URL.replace("api.paypal.com", "api.paypal.com:8443"),
    URL.replace("api.paypal.com", "api.paypal.com:443:443"),
    URL.replace("api.paypal.com", "user@api.paypal.com"),
    URL.replace("api.paypal.com", "api.paypal.com@evil.example"),
    URL.replace("api.paypal.com", "api.paypal.com\\@evil.example"),
    URL.replace("api.paypal.com", "api.pаypal.com"),  # noqa: RUF001 - a Cyrillic letter on purpose
    URL.replace("api.paypal.com", "169.254.169.254"),
    URL.replace("api.paypal.com", "localhost"),
    URL + "?a=1",
    URL + "#a",
    URL + "/",
    URL + "\n",
    URL + " ",
    PREFIX,
    PREFIX + "../../oauth2/token",
    PREFIX + "..%2f..%2foauth2",
    PREFIX + "a/b",
    URL.replace("/v1/notifications/certs/", "/v1/notifications/other/"),
    URL.replace("/v1/", "//v1/"),
    f"{URL}, {URL}",
    f"{URL},{URL}",
)


def test_a_certificate_under_an_authority_of_the_secret_is_trusted() -> None:
    """What an operator adds as `trustPems` counts like a bundled root, in production too."""
    verification = strict().verify(delivery(), secret(), now=NOW)
    assert (verification.key_id, verification.signed_at) == ("key-0", NOW)
    assert verification.delivery_id


def test_authorities_may_be_a_list_or_one_text() -> None:
    """An operator pastes a bundle as it comes; what is no text is passed over."""
    bundle = issue("Another", is_ca=True).pem.decode() + AUTHORITY.pem.decode()
    for pems in (bundle, [bundle], [1, None, bundle]):
        strict().verify(delivery(), secret(trustPems=pems), now=NOW)


def test_without_its_authority_the_chain_is_unknown() -> None:
    """A leaf with the right name from anyone's own authority proves nothing."""
    assert refusal(strict(), delivery(), replace(secret(), extra={})) == Reason.CERT_CHAIN_UNKNOWN


@pytest.mark.parametrize("url", ALLOWED_URLS)
def test_paypals_own_addresses_are_fetched(url: str) -> None:
    """The four API hosts over https serve certificates."""
    certificates = Certificates({url: LEAF.pem})
    strict(certificates).verify(delivery(by=secret(url=url)), secret(), now=NOW)
    assert certificates.fetched == [url]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_no_other_address_is_ever_fetched(url: str) -> None:
    """Any other scheme, host, port, user, path, query or fragment is refused before anything is sent."""
    certificates = Certificates({})
    assert refusal(strict(certificates), delivery(by=secret(url=url)), secret()) == Reason.CERT_URL_REFUSED
    assert certificates.fetched == []


@pytest.mark.parametrize("algorithm", ["SHA1withRSA", "none", "sha256withrsa", "HS256", "SHA256withRSA,SHA256withRSA"])
def test_the_algorithm_is_ours_to_choose(algorithm: str) -> None:
    """A header that names another algorithm is refused, before any fetch."""
    certificates = Certificates({})
    signed = delivery()
    changed = replace(signed, headers={**signed.headers, "paypal-auth-algo": algorithm})
    assert refusal(strict(certificates), changed, secret()) == Reason.ALGORITHM_REFUSED
    assert certificates.fetched == []


@pytest.mark.parametrize(
    "time",
    ["2026-11-24T12:00:00+00:00", "2026-11-24 12:00:00Z", "2026-13-24T12:00:00Z", "1790000000", "2026-11-24T12:00:00"],
)
def test_a_time_in_another_form_is_malformed(time: str) -> None:
    """PayPal writes its time in UTC with a Z; nothing else is guessed at."""
    signed = delivery()
    changed = replace(signed, headers={**signed.headers, "paypal-transmission-time": time})
    assert refusal(strict(), changed, secret()) == Reason.MALFORMED_HEADER


def test_a_stale_delivery_costs_no_fetch() -> None:
    """The age is checked before the certificate is fetched, so that old requests can't make us fetch."""
    certificates = Certificates({})
    assert refusal(strict(certificates), delivery(at=NOW - timedelta(days=4)), secret()) == Reason.STALE
    assert certificates.fetched == []


def test_a_retry_on_the_third_day_is_accepted() -> None:
    """PayPal retries for three days, and may send the first signature again."""
    strict().verify(delivery(at=NOW - timedelta(days=3)), secret(), now=NOW)


def test_only_the_canonical_spelling_of_a_signature_is_accepted() -> None:
    """Base64 of 256 bytes has four spare bits: spellings that differ only there are refused, as any changed byte is."""
    signed = delivery()
    text = signed.headers["paypal-transmission-sig"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    respelled = text[:-3] + letters[letters.index(text[-3]) + 1] + "=="
    assert base64.b64decode(respelled) == base64.b64decode(text)
    changed = replace(signed, headers={**signed.headers, "paypal-transmission-sig": respelled})
    assert refusal(strict(), changed, secret()) == Reason.MALFORMED_HEADER


def test_a_certificate_is_fetched_once_per_address() -> None:
    """Certificates are cached by URL."""
    certificates = Certificates(dict.fromkeys(ALLOWED_URLS, LEAF.pem))
    provider = strict(certificates)
    for _ in range(3):
        for url in ALLOWED_URLS:
            provider.verify(delivery(by=secret(url=url)), secret(), now=NOW)
    assert sorted(certificates.fetched) == sorted(ALLOWED_URLS)


def test_an_untrusted_certificate_is_not_kept() -> None:
    """What was refused is fetched again next time: the address may have got the right one by then."""
    certificates = Certificates({URL: issue(NAME).pem})
    provider = strict(certificates)
    assert refusal(provider, delivery(), secret()) == Reason.CERT_CHAIN_UNKNOWN
    certificates.found[URL] = LEAF.pem
    provider.verify(delivery(), secret(), now=NOW)
    assert certificates.fetched == [URL, URL]


def test_the_cache_is_bounded() -> None:
    """Addresses that someone makes up can't fill the memory."""
    urls = [PREFIX + f"CERT-{number}" for number in range(MAX_CACHED + 5)]
    provider = strict(Certificates(dict.fromkeys(urls, LEAF.pem)))
    for url in urls:
        provider.verify(delivery(by=secret(url=url)), secret(), now=NOW)
    assert len(provider._certificates) <= MAX_CACHED


def test_a_cached_certificate_still_expires() -> None:
    """Dates are checked at every delivery, not once when it is fetched."""
    provider = strict()
    provider.verify(delivery(), secret(), now=NOW)
    later = datetime(2027, 2, 1, tzinfo=UTC)
    assert refusal(provider, delivery(at=later), secret(), now=later) == Reason.CERT_EXPIRED


def test_signing_needs_a_test_certificate() -> None:
    """Nobody can sign as PayPal: without a key of ours there is nothing to sign with."""
    extras: tuple[dict[str, object], ...] = (
        {},
        {"signing": {}},
        {"signing": {"keyPem": "x", "certUrl": URL}},
        {"signing": "x"},
    )
    for extra in extras:
        with pytest.raises(UnavailableError):
            get_provider("paypal").sign(b"{}", replace(secret(), extra=extra), at=NOW)

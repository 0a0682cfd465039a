"""Which certificates may sign: names, dates, keys and chains; and what ships with the module."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from lambdas.shared.errors import UnavailableError, VerificationError
from lambdas.shared.providers import paypal_certificates
from lambdas.shared.providers.base import Reason
from lambdas.shared.providers.paypal_certificates import LEAF_NAMES, trusted_leaf
from lambdas.shared.providers.paypal_test_ca import CERT_URL, make_test_ca
from tests.fakes_certificates import Issued, issue

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LIVE, SANDBOX = LEAF_NAMES
AUTHORITY = issue("An authority", is_ca=True)


def refusal(leaf: Issued | bytes, *, authority: Issued = AUTHORITY, now: datetime = NOW) -> str:
    """Return why a leaf is not trusted."""
    pem = leaf if isinstance(leaf, bytes) else leaf.pem
    with pytest.raises(VerificationError) as refused:
        trusted_leaf(pem, anchors=(authority.pem,), bundled=True, now=now)
    return refused.value.reason


@pytest.mark.parametrize("name", LEAF_NAMES)
def test_the_live_and_the_sandbox_name_may_sign(name: str) -> None:
    """A leaf of either name under a trusted authority is trusted."""
    trusted_leaf(issue(name, issuer=AUTHORITY).pem, anchors=(AUTHORITY.pem,), bundled=False, now=NOW)


@pytest.mark.parametrize(
    ("common", "alternatives"),
    [
        ("www.paypal.com", None),
        ("paypal.com", (LIVE,)),
        (LIVE, ("www.paypal.com",)),
        (LIVE, ("*.paypal.com",)),
        (LIVE, ()),
        (LIVE, (SANDBOX,)),
        (f"{LIVE}.evil.example", None),
        (f"evil{LIVE}", None),
    ],
)
def test_any_other_name_may_not(common: str, alternatives: tuple[str, ...] | None) -> None:
    """Common name and alternative name must both be the one name exactly; a wildcard is not enough."""
    leaf = issue(common, issuer=AUTHORITY, alternatives=alternatives)
    assert refusal(leaf) == Reason.CERT_NAME_MISMATCH


@pytest.mark.parametrize("now", [datetime(2025, 12, 31, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)])
def test_a_certificate_outside_its_dates_may_not(now: datetime) -> None:
    """Neither before its first moment nor after its last."""
    assert refusal(issue(LIVE, issuer=AUTHORITY), now=now) == Reason.CERT_EXPIRED


def test_an_expired_authority_vouches_for_nothing() -> None:
    """Dates count along the whole chain."""
    old = issue("An old authority", is_ca=True, valid=(NOW - timedelta(days=900), NOW - timedelta(days=1)))
    assert refusal(issue(LIVE, issuer=old), authority=old) == Reason.CERT_CHAIN_UNKNOWN


def test_a_certificate_of_an_unknown_authority_may_not() -> None:
    """Nor one that signed itself, nor one whose authority only bears a trusted one's name."""
    namesake = issue("An authority", is_ca=True, key=ec.generate_private_key(ec.SECP256R1()))
    assert refusal(issue(LIVE, issuer=issue("Another", is_ca=True))) == Reason.CERT_CHAIN_UNKNOWN
    assert refusal(issue(LIVE)) == Reason.CERT_CHAIN_UNKNOWN
    assert refusal(issue(LIVE, issuer=namesake)) == Reason.CERT_CHAIN_UNKNOWN


def test_a_leaf_can_not_vouch_for_a_leaf() -> None:
    """A certificate that is no authority issues nothing, though it stands under a trusted one itself."""
    leaf = issue("www.example.com", issuer=AUTHORITY)
    assert refusal(issue(LIVE, issuer=leaf)) == Reason.CERT_CHAIN_UNKNOWN


def test_a_key_that_is_not_rsa_may_not() -> None:
    """PayPal signs with RSA; the algorithm is not for the certificate to choose."""
    leaf = issue(LIVE, issuer=AUTHORITY, key=ec.generate_private_key(ec.SECP256R1()))
    assert refusal(leaf) == Reason.ALGORITHM_REFUSED


@pytest.mark.parametrize(
    "pem", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff"]
)
def test_what_is_no_certificate_is_refused(pem: bytes) -> None:
    """Whatever the address answers with, the refusal has a reason."""
    assert refusal(pem) == Reason.CERT_MALFORMED


def test_an_unreadable_anchor_of_the_secret_is_the_operators_to_mend() -> None:
    """The delivery is not refused for it: it comes again."""
    with pytest.raises(UnavailableError):
        trusted_leaf(issue(LIVE, issuer=AUTHORITY).pem, anchors=(b"nonsense",), bundled=True, now=NOW)


def test_without_any_authority_nothing_is_trusted() -> None:
    """An empty list of authorities is not "trust all"."""
    with pytest.raises(VerificationError) as refused:
        trusted_leaf(issue(LIVE).pem, anchors=(), bundled=False, now=NOW)
    assert refused.value.reason == Reason.CERT_CHAIN_UNKNOWN


def test_every_bundled_intermediate_was_signed_by_a_bundled_root() -> None:
    """Both chains of DigiCert that PayPal's certificates stand under are whole, whatever their files' source."""
    roots, intermediates = paypal_certificates._bundled()
    assert len(roots) == 2
    assert len(intermediates) == 3
    for certificate in intermediates:
        certificate.verify_directly_issued_by(next(root for root in roots if root.subject == certificate.issuer))
        assert certificate.not_valid_after_utc > datetime(2028, 1, 1, tzinfo=UTC)
    assert {certificate.issuer for certificate in intermediates} == {root.subject for root in roots}


def test_every_bundled_certificate_is_the_one_that_its_readme_names() -> None:
    """The fingerprints beside the files are theirs."""
    folder = Path(paypal_certificates.__file__).parent / paypal_certificates.TRUST_FOLDER
    readme = (folder / "README.md").read_text()
    for path in folder.glob("*.pem"):
        digest = x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(SHA256()).hex(":").upper()
        assert f"`{path.name}`" in readme
        assert digest in readme


def test_the_test_authority_is_made_to_be_trusted_by_its_own() -> None:
    """Its leaf passes every rule under its own authority, and no rule without."""
    made = make_test_ca(now=NOW)
    leaf = trusted_leaf(made.leaf_pem.encode(), anchors=(made.ca_pem.encode(),), bundled=False, now=NOW)
    signature = paypal_certificates.sign(b"message", key_pem=made.leaf_key_pem)
    assert leaf.signed(b"message", signature)
    assert not leaf.signed(b"massage", signature)
    assert refusal(made.leaf_pem.encode()) == Reason.CERT_CHAIN_UNKNOWN
    assert made.trust() == {"pem": made.ca_pem, "leaves": {CERT_URL: made.leaf_pem}}


def test_the_test_authority_gives_no_key_away() -> None:
    """What a receiver is given holds no private key, and nothing shows one by accident."""
    made = make_test_ca(now=NOW)
    assert "PRIVATE" not in str(made.trust())
    assert "PRIVATE" not in repr(made)
    assert make_test_ca(now=NOW).ca_key_pem != made.ca_key_pem

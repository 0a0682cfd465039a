"""A certificate authority of our own that stands in for PayPal's where the environment's settings allow it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LEAF_NAME: Final = "messageverificationcerts.paypal.com"
CERT_URL: Final = "https://api.paypal.com/v1/notifications/certs/CERT-webhookctl-test"
KEY_BITS: Final = 2048
LIFETIME: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCa:
    """A test authority with one leaf. All members are PEM text; the two keys stay with the operator."""

    __test__ = False

    ca_pem: str
    ca_key_pem: str = field(repr=False)
    leaf_pem: str
    leaf_key_pem: str = field(repr=False)
    cert_url: str = CERT_URL

    def trust(self) -> dict[str, Any]:
        """Return the `testCa` member of PayPal's secret: what a receiver needs, without any key."""
        return {"pem": self.ca_pem, "leaves": {self.cert_url: self.leaf_pem}}

    def signing(self) -> dict[str, str]:
        """Return the `signing` member that a sender adds to its own copy of the secret. Never stored."""
        return {"keyPem": self.leaf_key_pem, "certUrl": self.cert_url}


def make_test_ca(*, now: datetime, name: str = LEAF_NAME, cert_url: str = CERT_URL) -> TestCa:
    """Make an authority and its leaf, valid for a year from a day before `now` (clocks differ).

    Takes about a tenth of a second: two RSA keys.
    """
    ca_key, leaf_key = (rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS) for _ in range(2))
    ca = _certificate(_name("webhookctl PayPal test CA"), None, ca_key.public_key(), ca_key, now=now)
    leaf = _certificate(_name(name), (ca, name), leaf_key.public_key(), ca_key, now=now)
    return TestCa(
        ca_pem=_pem(ca),
        ca_key_pem=_key_pem(ca_key),
        leaf_pem=_pem(leaf),
        leaf_key_pem=_key_pem(leaf_key),
        cert_url=cert_url,
    )


def _certificate(
    subject: x509.Name,
    issued_by: tuple[x509.Certificate, str] | None,
    public_key: rsa.RSAPublicKey,
    issuer_key: rsa.RSAPrivateKey,
    *,
    now: datetime,
) -> x509.Certificate:
    """Return a certificate with what the Web PKI's rules ask for: the authority's own, or a leaf for a DNS name."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by[0].subject if issued_by else subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=issued_by is None, path_length=None), critical=True)
        .add_extension(_usage(is_ca=issued_by is None), critical=True)
    )
    if issued_by:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(issued_by[1])]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, SHA256())


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _key_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

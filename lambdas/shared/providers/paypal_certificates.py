"""PayPal's signing certificates: which leaf is trusted, and what it has signed. Loaded only for PayPal (38 ms)."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store
from cryptography.x509.verification import VerificationError as ChainError

from lambdas.shared.errors import UnavailableError, VerificationError
from lambdas.shared.providers.base import Reason

LEAF_NAMES: Final = ("messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com")
"""The live and the sandbox name, exactly: any other certificate of paypal.com is not for signing webhooks."""

TRUST_FOLDER: Final = "paypal_trust"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate that may sign webhooks."""

    public_key: RSAPublicKey

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Say whether this certificate's key made the signature: RSA PKCS#1 v1.5 with SHA-256, fixed by us."""
        try:
            self.public_key.verify(signature, message, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


def trusted_leaf(pem: bytes, *, anchors: tuple[bytes, ...], bundled: bool, now: datetime) -> Leaf:
    """Return the leaf in `pem` if everything about it is right at `now`: key, name, dates and chain.

    `anchors` are PEM certificates trusted for this call, roots or intermediates; `bundled` adds the DigiCert chains
    that ship with this module. Raises VerificationError with the reason; UnavailableError for an unreadable anchor.
    """
    leaf = _load_leaf(pem)
    public_key = leaf.public_key()
    if not isinstance(public_key, RSAPublicKey):
        raise VerificationError("the certificate's key is not RSA", reason=Reason.ALGORITHM_REFUSED)
    name = _exact_name(leaf)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise VerificationError("the certificate is outside its dates", reason=Reason.CERT_EXPIRED)
    roots, intermediates = _bundled() if bundled else ((), ())
    _check_chain(leaf, name, _anchors(anchors) + roots, intermediates, now=now)
    return Leaf(public_key)


def sign(message: bytes, *, key_pem: str) -> bytes:
    """Sign as PayPal does, with a test key. Raises UnavailableError when it is not an RSA private key."""
    return _private_key(key_pem).sign(message, PKCS1v15(), SHA256())


@lru_cache(maxsize=4)
def _private_key(key_pem: str) -> RSAPrivateKey:
    """Load and check a key: a tenth of a second, where a signature takes a thousandth."""
    try:
        key = load_pem_private_key(key_pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise UnavailableError("the test key can't be read", reason="secret_malformed") from error
    if not isinstance(key, RSAPrivateKey):
        raise UnavailableError("the test key is not RSA", reason="secret_malformed")
    return key


def _load_leaf(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise VerificationError("the certificate can't be read", reason=Reason.CERT_MALFORMED) from error


def _exact_name(leaf: x509.Certificate) -> str:
    """Return the leaf's name, which must be one of PayPal's both as common name and as alternative name."""
    try:
        common = [name.value for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        alternatives = names.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as error:
        raise VerificationError("the certificate has no usable name", reason=Reason.CERT_NAME_MISMATCH) from error
    for name in LEAF_NAMES:
        if common == [name] and name in alternatives:
            return name
    raise VerificationError("the certificate is not for signing webhooks", reason=Reason.CERT_NAME_MISMATCH)


def _check_chain(
    leaf: x509.Certificate,
    name: str,
    roots: tuple[x509.Certificate, ...],
    intermediates: tuple[x509.Certificate, ...],
    *,
    now: datetime,
) -> None:
    """Build a path from the leaf to a trusted certificate under the Web PKI's rules, as of `now`."""
    if not roots:
        raise VerificationError("no certificate authority is trusted", reason=Reason.CERT_CHAIN_UNKNOWN)
    verifier = PolicyBuilder().store(Store(list(roots))).time(now).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(leaf, list(intermediates))
    except ChainError as error:
        raise VerificationError("the certificate's issuer is not trusted", reason=Reason.CERT_CHAIN_UNKNOWN) from error


@cache
def _bundled() -> tuple[tuple[x509.Certificate, ...], tuple[x509.Certificate, ...]]:
    """Return the roots and the intermediates of DigiCert that ship with this module; sources beside them."""
    folder = resources.files("lambdas.shared.providers") / TRUST_FOLDER
    pems = [entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith(".pem")]
    found = [x509.load_pem_x509_certificate(pem) for pem in pems]
    return (
        tuple(certificate for certificate in found if certificate.issuer == certificate.subject),
        tuple(certificate for certificate in found if certificate.issuer != certificate.subject),
    )


def _anchors(pems: tuple[bytes, ...]) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(certificate for pem in pems for certificate in x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise UnavailableError("a PEM of the secret can't be read", reason="secret_malformed") from error

"""Certificates as PayPal's might be, right and wrong, and an HTTPS server on this machine that shows one."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from ipaddress import IPv4Address
from pathlib import Path
from time import sleep

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> str:
        """The private key as PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return a key that stays the same under its name: making one costs a tenth of a second."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def issue(
    common_name: str,
    *,
    issuer: Issued | None = None,
    alternatives: tuple[str, ...] | None = None,
    is_ca: bool = False,
    key: Key | None = None,
    valid: tuple[datetime, datetime] | None = None,
) -> Issued:
    """Issue a certificate: by itself, or by `issuer`. `alternatives` are names or addresses, by default the name."""
    key = key or rsa_key(common_name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer = issuer or Issued(certificate=None, key=key)  # type: ignore[arg-type]
    start, end = valid or (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
        .add_extension(_usage(is_ca=is_ca), critical=True)
    )
    if not is_ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        names = (common_name,) if alternatives is None else alternatives
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
            )
    return Issued(certificate=builder.sign(signer.key, SHA256()), key=key)


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    others = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **others)


def _name(name: str) -> x509.GeneralName:
    return x509.IPAddress(IPv4Address(name)) if name[0].isdigit() else x509.DNSName(name)


@dataclass(frozen=True)
class Answer:
    """What the server says at a path. `pause_s` passes between the body's bytes."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0


@dataclass
class HttpsServer:
    """A server with a certificate that only `context` trusts. Remembers every request it saw."""

    url: str
    context: ssl.SSLContext
    answers: dict[str, Answer]
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def https_server(folder: Path, answers: dict[str, Answer]) -> Iterator[HttpsServer]:
    """Run a server on a free port of 127.0.0.1 until the block ends."""
    now = datetime.now(UTC)
    issued = issue("127.0.0.1", alternatives=("127.0.0.1",), valid=(now - timedelta(hours=1), now + timedelta(hours=1)))
    pem = folder / "server.pem"
    pem.write_text(issued.key_pem + issued.pem.decode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    shown = HttpsServer(url="", context=ssl.create_default_context(cadata=issued.pem.decode()), answers=answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(shown))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    shown.url = f"https://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(shown: HttpsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            shown.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = shown.answers.get(self.path, Answer(status=404))
            self.send_response(answer.status)
            for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                _write(self.wfile, answer)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *args: object) -> None:
            del args

    return Handler


def _write(stream: BufferedIOBase, answer: Answer) -> None:
    pieces = [bytes([byte]) for byte in answer.body] if answer.pause_s else [answer.body]
    for piece in pieces:
        stream.write(piece)
        sleep(answer.pause_s)

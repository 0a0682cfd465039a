"""HTTPS to PayPal: the signing certificate behind an address, and the calls of the postback check."""

import ssl
import time
from http.client import HTTPException, HTTPMessage
from typing import IO, Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from lambdas.shared import deadline
from lambdas.shared.errors import UnavailableError, VerificationError
from lambdas.shared.providers.base import Reason

TIMEOUT_S: Final = 2.0
STAGES: Final = 3
"""Connecting, TLS and the answer may each take the timeout."""
MAX_BYTES: Final = 16 * 1024
"""PayPal's certificates are about 3 kB, and its API's answers shorter."""


class AnswerTooLongError(HTTPException):
    """The answer goes on beyond MAX_BYTES."""


def fetch(url: str, *, context: ssl.SSLContext | None = None, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return the PEM behind a certificate URL that has passed every rule of `paypal`.

    Follows no redirect and uses no proxy. Raises UnavailableError when PayPal can't be reached in time or says 5xx
    or 429; VerificationError when it says that there is no such certificate, or sends too much.
    """
    try:
        return read(Request(url), context=context, timeout_s=timeout_s)  # noqa: S310 - https only, see `opener`
    except HTTPError as error:
        error.close()
        if error.code >= 500 or error.code in (408, 429):  # noqa: PLR2004 - HTTP's own numbers
            raise UnavailableError(f"no certificate: HTTP {error.code}", reason=Reason.CERT_UNAVAILABLE) from error
        raise VerificationError(f"no certificate: HTTP {error.code}", reason=Reason.CERT_UNAVAILABLE) from error
    except AnswerTooLongError as error:
        raise VerificationError("the answer is too long for a certificate", reason=Reason.CERT_MALFORMED) from error
    except (OSError, HTTPException) as error:
        raise UnavailableError("the certificate can't be had just now", reason=Reason.CERT_UNAVAILABLE) from error


def read(request: Request, *, context: ssl.SSLContext | None, timeout_s: float) -> bytes:
    """Send one request and return the answer's body, within one deadline for the whole and within MAX_BYTES.

    Raises HTTPError for anything but 2xx, a redirect included; OSError and HTTPException for what goes wrong below,
    AnswerTooLongError among them; UnavailableError when the invocation has no time for it.
    """
    deadline.require(STAGES * timeout_s)
    ends = time.monotonic() + timeout_s
    with opener(context).open(request, timeout=timeout_s) as response:
        body = b""
        while chunk := response.read1(4096):
            body += chunk
            if len(body) > MAX_BYTES:
                raise AnswerTooLongError
            if time.monotonic() > ends:
                raise TimeoutError("the answer took too long")
    return body


def opener(context: ssl.SSLContext | None) -> OpenerDirector:
    """Return an opener that speaks verified HTTPS and nothing else: no redirects, no proxies."""
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context or ssl.create_default_context()), _NoRedirects())


class _NoRedirects(HTTPRedirectHandler):
    """Make every redirect an HTTPError: its target has passed no rule."""

    def redirect_request(  # noqa: PLR0917 - urllib's own signature
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        del req, fp, code, msg, headers, newurl
        return None

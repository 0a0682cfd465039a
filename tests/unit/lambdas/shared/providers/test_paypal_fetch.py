"""Fetching a certificate from a real HTTPS server: what is followed, how long, how much."""

import ssl
import time
from pathlib import Path

import pytest

from lambdas.shared.errors import UnavailableError, VerificationError
from lambdas.shared.providers.base import Reason
from lambdas.shared.providers.paypal_fetch import MAX_BYTES, fetch
from tests.fakes_certificates import Answer, https_server


def test_the_certificate_behind_the_address_is_returned(tmp_path: Path) -> None:
    """The bytes of a 200 come back as they are."""
    with https_server(tmp_path, {"/cert": Answer(b"PEM")}) as server:
        assert fetch(f"{server.url}/cert", context=server.context, timeout_s=30) == b"PEM"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(tmp_path: Path, status: int) -> None:
    """The target of a redirect has passed no rule: it is not asked."""
    with https_server(tmp_path, {"/other": Answer(b"PEM")}) as server:
        server.answers["/cert"] = Answer(status=status, headers={"location": f"{server.url}/other"})
        with pytest.raises(VerificationError) as refused:
            fetch(f"{server.url}/cert", context=server.context, timeout_s=30)
        assert refused.value.reason == Reason.CERT_UNAVAILABLE
        assert [path for path, _, _ in server.seen] == ["/cert"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_certificate_that_does_not_exist_is_a_refusal(tmp_path: Path, status: int) -> None:
    """Asking again would not help."""
    with (
        https_server(tmp_path, {"/cert": Answer(status=status)}) as server,
        pytest.raises(VerificationError) as refused,
    ):
        fetch(f"{server.url}/cert", context=server.context, timeout_s=30)
    assert refused.value.reason == Reason.CERT_UNAVAILABLE


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_server_in_trouble_is_asked_again_later(tmp_path: Path, status: int) -> None:
    """The delivery is answered with 503, so that PayPal delivers it again."""
    with https_server(tmp_path, {"/cert": Answer(status=status)}) as server, pytest.raises(UnavailableError):
        fetch(f"{server.url}/cert", context=server.context, timeout_s=30)


def test_an_endless_answer_is_cut_off(tmp_path: Path) -> None:
    """Nothing longer than a certificate is read."""
    with https_server(tmp_path, {"/cert": Answer(b"x" * (MAX_BYTES + 1))}) as server:
        with pytest.raises(VerificationError) as refused:
            fetch(f"{server.url}/cert", context=server.context, timeout_s=30)
        server.answers["/cert"] = Answer(b"x" * MAX_BYTES)
        assert len(fetch(f"{server.url}/cert", context=server.context, timeout_s=30)) == MAX_BYTES
    assert refused.value.reason == Reason.CERT_MALFORMED


def test_a_dripping_answer_ends_at_the_deadline(tmp_path: Path) -> None:
    """One deadline holds for the whole answer, not for each piece of it."""
    with https_server(tmp_path, {"/cert": Answer(b"x" * 100, pause_s=0.05)}) as server:
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            fetch(f"{server.url}/cert", context=server.context, timeout_s=0.3)
        assert time.monotonic() - started < 2


def test_a_server_that_nobody_vouches_for_is_not_believed(tmp_path: Path) -> None:
    """The ordinary authorities do not know the server of this test."""
    with https_server(tmp_path, {"/cert": Answer(b"PEM")}) as server, pytest.raises(UnavailableError):
        fetch(f"{server.url}/cert", context=ssl.create_default_context())


def test_no_proxy_stands_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of proxies does not lead a certificate's address elsewhere."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with https_server(tmp_path, {"/cert": Answer(b"PEM")}) as server:
        assert fetch(f"{server.url}/cert", context=server.context, timeout_s=30) == b"PEM"


def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    """A refused connection is answered with 503."""
    with https_server(tmp_path, {}) as server:
        url, context = server.url, server.context
    with pytest.raises(UnavailableError) as refused:
        fetch(f"{url}/cert", context=context)
    assert refused.value.reason == Reason.CERT_UNAVAILABLE

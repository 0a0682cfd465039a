"""`webhookctl verify explain`, as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NOWHERE = "http://127.0.0.1:9/hook"


@pytest.fixture
def request_files(cli: Callable[..., Any], tmp_path: Path) -> Path:
    """Print a signed request into headers.txt and body.json, beside its key."""
    (tmp_path / "key.txt").write_text("whsec_cli\n")
    (tmp_path / "body.json").write_text('{\n  "id": "evt_1",\n  "type": "x"\n}')
    printed = cli(
        "send", "stripe", "--file", "body.json", "--url", NOWHERE, "--secret-from", "key.txt", "--print", "headers"
    )
    (tmp_path / "headers.txt").write_text(printed.out)
    return tmp_path


def explained(cli: Callable[..., Any], *words: str) -> tuple[int, dict[str, Any]]:
    ran = cli("verify", "explain", "--headers", "headers.txt", "--secret-from", "key.txt", *words, "-o", "json")
    return ran.exit_code, json.loads(ran.out)


def test_what_send_prints_verifies(cli: Callable[..., Any], request_files: Path) -> None:
    """Exit 0, and the provider is told by its header."""
    assert (request_files / "headers.txt").exists()
    code, found = explained(cli, "--body", "body.json")
    assert (code, found["provider"], found["verifies"]) == (0, "stripe", True)


def test_a_spoilt_body_exits_7_and_names_the_mistake(cli: Callable[..., Any], request_files: Path) -> None:
    """The cause stands in the data, the advice in the error's hint."""
    (request_files / "spoilt.json").write_text('{"id": "evt_1", "type": "x"}')
    code, found = explained(cli, "--body", "spoilt.json")
    assert (code, found["cause"]) == (7, "re-serialised JSON")


def test_no_request_is_a_usage_error(cli: Callable[..., Any]) -> None:
    """The hint says what can be given."""
    ran = cli("verify", "explain")
    assert ran.exit_code == 2
    assert "--har FILE" in ran.err


@pytest.mark.usefixtures("request_files")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--request a --har b", "--request and --har do not go together"),
        ("--har b --headers headers.txt --body body.json", "--har and --headers and --body do not go together"),
        ("--request a --body body.json", "--request and --body do not go together"),
        ("--headers headers.txt --body body.json --webhook stripe:evt_1", "--body and --webhook do not go together"),
        ("--body body.json", "which request?"),
        ("--headers headers.txt --body body.json --entry 2", "--entry is for a HAR file"),
        ("--headers headers.txt --body body.json --url https://x.example", "stripe signs no URL"),
        ("--headers headers.txt --body body.json --cert c.pem", "stripe signs with a key"),
        ("--headers - --body -", "only one of the files can come from stdin"),
        ("acme --headers headers.txt --body body.json", "unknown provider 'acme'"),
    ],
)
def test_what_would_be_ignored_is_refused(cli: Callable[..., Any], words: str, message: str) -> None:
    """Two requests at once, or an aid that the provider's scheme does not know."""
    ran = cli("verify", "explain", "--secret-from", "key.txt", *words.split())
    assert (ran.exit_code, message in ran.err) == (2, True)


def test_square_without_a_url_is_asked_for_it(cli: Callable[..., Any], request_files: Path) -> None:
    """A bare key signs for a URL; with it, or with a request that names it, the request verifies."""
    words = ("--url", NOWHERE, "--secret-from", "key.txt")
    headers = cli("send", "square", "--file", "body.json", *words, "--print", "headers").out
    (request_files / "headers.txt").write_text(headers)
    apart = ("verify", "explain", "--headers", "headers.txt", "--body", "body.json", "--secret-from", "key.txt")
    ran = cli(*apart)
    assert (ran.exit_code, "give --url, the notification URL" in ran.err) == (2, True)
    assert cli(*apart, "--url", NOWHERE).exit_code == 0


def test_help_reads_well(cli: Callable[..., Any]) -> None:
    """Eighty columns, no secret among the flags."""
    ran = cli("verify", "explain", "--help")
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "--secret " not in ran.out

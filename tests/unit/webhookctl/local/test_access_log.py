import json

from webhookctl.local.access_log import render


def test_variables_are_filled_in_and_unknown_ones_become_a_dash() -> None:
    """As on AWS, where a variable without a value is logged as `-`."""
    line = render('{"a": "$context.identity.sourceIp", "b": "$context.nothing"}\n', {"identity.sourceIp": "127.0.0.1"})
    assert json.loads(line) == {"a": "127.0.0.1", "b": "-"}


def test_a_value_cannot_leave_its_quotes() -> None:
    """A user agent with quotes, backslashes and line breaks stays one value on one line."""
    line = render('{"ua": "$context.identity.userAgent"}', {"identity.userAgent": '"}\n\\ {"ua": "'})
    assert "\n" not in line
    assert set(json.loads(line)) == {"ua"}


def test_bytes_that_are_no_text_do_not_reach_the_log() -> None:
    """A stray byte of a client must not make the log unreadable for everybody."""
    line = render('{"ua": "$context.identity.userAgent"}', {"identity.userAgent": "curl\udcff"})
    assert json.loads(line.encode()) == {"ua": "curl?"}

"""Laws of labels: their full form, and who finds them by which key."""

from typing import Any

import pytest

from tests.fakes_web_acl import LOG4J, RATE, acl, byte_match, managed, request, rule

OURS = "awswaf:000000000000:webacl:acl:"
COUNT: dict[str, Any] = {"Count": {}}


def marking(*labels: str) -> dict[str, Any]:
    """Return a rule that counts every request and labels it."""
    statement = byte_match("", "CONTAINS", {"UriPath": {}})
    return rule("mark", 0, statement, Action=COUNT, RuleLabels=[{"Name": label} for label in labels])


def finding(scope: str, key: str) -> dict[str, Any]:
    return rule("find", 9, {"LabelMatchStatement": {"Scope": scope, "Key": key}})


@pytest.mark.parametrize(
    ("scope", "key", "is_match"),
    [
        ("LABEL", "header:encoding:utf8", True),
        ("LABEL", "encoding:utf8", True),
        ("LABEL", "utf8", True),
        ("LABEL", "tf8", False),
        ("LABEL", "header:encoding", False),
        ("LABEL", "header:encoding2:utf8", False),
        ("LABEL", f"{OURS}ns:header:encoding:utf8", True),
        ("LABEL", f"{OURS}header:encoding:utf8", False),
        ("LABEL", "awswaf:000000000000:webacl:other:ns:header:encoding:utf8", False),
        ("NAMESPACE", "ns:header:", True),
        ("NAMESPACE", "header:encoding", True),
        ("NAMESPACE", "encoding:", True),
        ("NAMESPACE", "utf8:", False),
        ("NAMESPACE", "head", False),
        ("NAMESPACE", OURS, True),
        ("NAMESPACE", f"{OURS}ns:header:", True),
        ("NAMESPACE", f"{OURS}header:", False),
    ],
)
def test_a_key_finds_labels_as_documented(scope: str, key: str, *, is_match: bool) -> None:
    """Without a prefix it is searched in the web ACL's own context, with one it is taken as it stands."""
    web = acl(marking("ns:header:encoding:utf8"), finding(scope, key))
    assert web.evaluate(request(), 0).is_blocked is is_match


def test_labels_are_kept_in_full() -> None:
    """What logs and samples show carries the account and the web ACL's name."""
    assert acl(marking("ours:seen")).evaluate(request(), 0).labels == {f"{OURS}ours:seen"}


def test_a_rate_rule_puts_its_labels_on_what_is_over_the_limit() -> None:
    """A counting rate rule and a rule behind it that blocks by its label: only what is over the limit is blocked."""
    rate = rule("rate", 0, RATE, Action=COUNT, RuleLabels=[{"Name": "ours:fast"}])
    web = acl(rate, finding("LABEL", "ours:fast"))
    verdicts = [web.evaluate(request(), n / 50).is_blocked for n in range(2000)]
    assert not any(verdicts[:600])
    assert all(verdicts[1250:])
    assert not web.evaluate(request(client_ip="127.0.0.2"), 40).is_blocked


@pytest.mark.parametrize(
    ("scope", "key", "is_match"),
    [
        ("LABEL", "Log4JRCE_Header", False),
        ("LABEL", "awswaf:managed:aws:known-bad-inputs:Log4JRCE_Header", True),
        ("NAMESPACE", "known-bad-inputs:", False),
        ("NAMESPACE", "awswaf:managed:aws:known-bad-inputs:", True),
    ],
)
def test_a_managed_groups_label_is_found_by_its_prefix_alone(scope: str, key: str, *, is_match: bool) -> None:
    """A managed group is another context than the web ACL's rules."""
    web = acl(managed(OverrideAction=COUNT), finding(scope, key))
    assert web.evaluate(LOG4J, 0).is_blocked is is_match

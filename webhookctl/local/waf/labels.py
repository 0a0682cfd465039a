"""Labels that rules put on requests, and how a later rule finds them.

Source: AWS WAF developer guide, "Label syntax and naming requirements" and "Label match examples": a label carries the
prefix of the web ACL or rule group that added it; a key without a prefix is searched among the labels of the
statement's own context, where namespaces before it may be left out; a key with a prefix is matched as it stands.
"""

from collections.abc import Callable
from typing import Final

from webhookctl.local.waf.members import Json, choice, only
from webhookctl.local.waf.request import Labels

_PREFIXED: Final = "awswaf:"


def label_prefix(acl: Json) -> str:
    """Return the prefix of the labels that a web ACL's own rules add: `awswaf:<account>:webacl:<name>:`."""
    account = str(acl["ARN"]).split(":")[4]
    return f"{_PREFIXED}{account}:webacl:{acl['Name']}:"


def label_match(body: Json, prefix: str) -> Callable[[Labels], bool]:
    """Return the predicate of a LabelMatchStatement in the context of `prefix`. Raises UnsupportedStatementError."""
    only(body, "LabelMatchStatement", "Scope", "Key")
    scope, key = choice(body, "LabelMatchStatement", "Scope", "LABEL", "NAMESPACE"), str(body["Key"])
    found = _in_namespace(key.rstrip(":") + ":", prefix) if scope == "NAMESPACE" else _named(key, prefix)
    return lambda labels: any(found(label) for label in labels)


def _named(key: str, prefix: str) -> Callable[[str], bool]:
    if key.startswith(_PREFIXED):
        return lambda label: label == key
    return lambda label: label.startswith(prefix) and f":{label[len(prefix) :]}".endswith(f":{key}")


def _in_namespace(key: str, prefix: str) -> Callable[[str], bool]:
    if key.startswith(_PREFIXED):
        return lambda label: label.startswith(key)
    return lambda label: label.startswith(prefix) and f":{key}" in f":{label[len(prefix) : label.rfind(':') + 1]}"

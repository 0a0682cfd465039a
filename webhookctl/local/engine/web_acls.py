"""Web ACLs in the engine as AWS's API shows them, whichever way they were made.

CloudFormation words some members in its own way (`SearchString` plain or `SearchStringBase64`, `Arn`), which the
engine hands on as they are; and it drops what it does not know, by either way. What an SDK reads, and what the front
door enforces, must be the API's form, whole.
"""

import base64
from typing import Any, Final

from webhookctl.local.engine.patches import Wire

_KEPT: Final = (
    "CustomResponseBodies",
    "AssociationConfig",
    "CaptchaConfig",
    "ChallengeConfig",
    "TokenDomains",
    "DataProtectionConfig",
    "OnSourceDDoSProtectionConfig",
    "ApplicationConfig",
    "MonetizationConfig",
)


def keep_whole() -> None:
    """Gap: the engine keeps five members of a web ACL, and CloudFormation's wording of them."""
    from ministack.services import waf
    from ministack.services.cloudformation import provisioners

    create, update, change = waf.create_web_acl_record, waf.update_web_acl_record, waf._update_web_acl

    def create_record(name: str, scope: str, props: Wire) -> Any:  # noqa: ANN401 - the engine's
        uid, arn, record = create(name, scope, props)
        _remember(record, props)
        return uid, arn, record

    def update_record(acl: Wire, props: Wire) -> Wire:
        _remember(update(acl, props), props)
        return acl

    def update_web_acl(data: Wire) -> Any:  # noqa: ANN401 - the engine's answer
        answer = change(data)
        acl = waf.web_acl_record(data.get("Id", ""), data.get("Scope", "REGIONAL"))
        if answer[0] == 200:  # noqa: PLR2004 - HTTP's OK
            _remember(acl, data)
        return answer

    waf.create_web_acl_record, waf.update_web_acl_record, waf._update_web_acl = (
        create_record,
        update_record,
        update_web_acl,
    )
    handler = provisioners._RESOURCE_HANDLERS["AWS::WAFv2::WebACL"]
    make, alter = handler["create"], handler["update"]
    handler["create"] = lambda logical_id, props, stack: make(logical_id, in_the_apis_words(props), stack)
    handler["update"] = lambda physical_id, old, new, *rest, **named: alter(
        physical_id, old, in_the_apis_words(new), *rest, **named
    )


def in_the_apis_words(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy of CloudFormation's properties of a web ACL in the words of the wafv2 API."""
    if isinstance(node, list):
        return [in_the_apis_words(value) for value in node]
    if not isinstance(node, dict):
        return node
    words = {name: in_the_apis_words(value) for name, value in node.items()}
    if "SearchString" in words:
        words["SearchString"] = base64.b64encode(str(words["SearchString"]).encode()).decode()
    if "SearchStringBase64" in words:
        words["SearchString"] = words.pop("SearchStringBase64")
    if "Arn" in words:
        words["ARN"] = words.pop("Arn")
    return words


def _remember(acl: Wire, given: Wire) -> None:
    for name in _KEPT:
        acl.pop(name, None)
        if given.get(name):
            acl[name] = given[name]

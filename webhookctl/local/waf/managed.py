"""What the AWS managed rule groups of the stack look for, as far as AWS documents it.

Source: AWS WAF developer guide, "Known bad inputs managed rule group" and "Amazon IP reputation list". The patterns
behind them are AWS's own; these stand-ins catch the plain form of each documented attack, so that a rule in Block or
Count mode shows its effect. `Host_localhost_HEADER` is left out: every local request has a loopback host.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from webhookctl.local.waf.statements import BODY_INSPECTION_LIMIT, WafRequest

_LOG4J: Final = re.compile(rb"\$\{\s*jndi\s*:", re.IGNORECASE)
_EXPLOITABLE: Final = ("/web-inf", "/meta-inf", "/.git/", "/.env")
_JAVA_RCE: Final = re.compile(rb"java\.lang\.(Runtime|ProcessBuilder)|\brO0AB", re.IGNORECASE)


def _log4j(request: WafRequest) -> bool:
    fields = [request.path.encode(), request.query.encode(), request.body[:BODY_INSPECTION_LIMIT]]
    return any(_LOG4J.search(value) for value in fields) or any(
        "${" in value and _LOG4J.search(value.encode()) for value in request.headers.values()
    )


_KNOWN_BAD_INPUTS: Final[tuple[tuple[str, Callable[[WafRequest], bool]], ...]] = (
    ("PROPFIND_METHOD", lambda request: request.method == "PROPFIND"),
    ("ExploitablePaths_URIPATH", lambda request: request.path.lower().startswith(_EXPLOITABLE)),
    ("JavaDeserializationRCE_BODY", lambda request: bool(_JAVA_RCE.search(request.body[:BODY_INSPECTION_LIMIT]))),
    ("Log4JRCE", _log4j),
)

_NO_RULES: Final[tuple[tuple[str, Callable[[WafRequest], bool]], ...]] = ()

MANAGED_GROUPS: Final[Mapping[str, tuple[str, tuple[tuple[str, Callable[[WafRequest], bool]], ...]]]] = {
    "AWSManagedRulesKnownBadInputsRuleSet": ("awswaf:managed:aws:known-bad-inputs", _KNOWN_BAD_INPUTS),
    # A reputation list names public addresses; loopback is never on it.
    "AWSManagedRulesAmazonIpReputationList": ("awswaf:managed:aws:amazon-ip-list", _NO_RULES),
}
"""Group name -> its label namespace and its rules in order, each with its predicate."""

"""What the AWS managed rule groups of the stack look for, as far as AWS documents it.

Source: AWS WAF developer guide, "Known bad inputs managed rule group" and "Amazon IP reputation list": the names of
the rules, their labels, the part of the request that each inspects. The patterns behind them are AWS's own; these
stand-ins catch the plain form of each documented example, so that a rule in Block or Count mode shows its effect.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from webhookctl.local.waf.actions import BLOCK, COUNT, Action
from webhookctl.local.waf.fields import inspected_headers
from webhookctl.local.waf.request import WafRequest, as_sent

_LOG4J: Final = re.compile(rb"\$\{\s*jndi\s*:", re.IGNORECASE)
_JAVA_RCE: Final = re.compile(rb"java\.lang\.(Runtime|ProcessBuilder)|\brO0AB", re.IGNORECASE)
_EXPLOITABLE: Final = re.compile(rb"/(web-inf|meta-inf|\.git|\.env)(/|$)", re.IGNORECASE)

Detects = Callable[[WafRequest, int], bool]
"""Whether a request, of whose body so many bytes are seen, is what the rule looks for."""


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One rule of a managed group: its name, the last part of its label, its own action."""

    name: str
    label: str
    detects: Detects
    action: Action = BLOCK


@dataclass(frozen=True, slots=True)
class Group:
    """A managed rule group; every label of it begins with the prefix."""

    label_prefix: str
    rules: tuple[GroupRule, ...]


def _never(_request: WafRequest, _limit: int) -> bool:
    return False


def _body(pattern: re.Pattern[bytes]) -> Detects:
    return lambda request, limit: bool(pattern.search(request.body[:limit]))


def _path(pattern: re.Pattern[bytes]) -> Detects:
    return lambda request, _limit: bool(pattern.search(unquote_to_bytes(as_sent(request.path))))


def _query(pattern: re.Pattern[bytes]) -> Detects:
    return lambda request, _limit: bool(request.query and pattern.search(unquote_to_bytes(as_sent(request.query))))


def _headers(pattern: re.Pattern[bytes]) -> Detects:
    return lambda request, _limit: any(
        pattern.search(part) for header in inspected_headers(request)[0] for part in header
    )


_KNOWN_BAD_INPUTS: Final = (
    GroupRule("JavaDeserializationRCE_HEADER", "JavaDeserializationRCE_Header", _headers(_JAVA_RCE)),
    GroupRule("JavaDeserializationRCE_BODY", "JavaDeserializationRCE_Body", _body(_JAVA_RCE)),
    GroupRule("JavaDeserializationRCE_URIPATH", "JavaDeserializationRCE_URIPath", _path(_JAVA_RCE)),
    GroupRule("JavaDeserializationRCE_QUERYSTRING", "JavaDeserializationRCE_QueryString", _query(_JAVA_RCE)),
    # Every local request has a loopback host.
    GroupRule("Host_localhost_HEADER", "Host_Localhost_Header", _never),
    GroupRule("PROPFIND_METHOD", "Propfind_Method", lambda request, _limit: request.method == "PROPFIND"),
    GroupRule("ExploitablePaths_URIPATH", "ExploitablePaths_URIPath", _path(_EXPLOITABLE)),
    GroupRule("Log4JRCE_HEADER", "Log4JRCE_Header", _headers(_LOG4J)),
    GroupRule("Log4JRCE_QUERYSTRING", "Log4JRCE_QueryString", _query(_LOG4J)),
    GroupRule("Log4JRCE_BODY", "Log4JRCE_Body", _body(_LOG4J)),
    GroupRule("Log4JRCE_URIPATH", "Log4JRCE_URIPath", _path(_LOG4J)),
    # AWS documents no example of what it looks for.
    GroupRule("ReactJSRCE_BODY", "ReactJSRCE_Body", _never),
)

# Reputation lists name public addresses; loopback is never on one.
_REPUTATION: Final = (
    GroupRule("AWSManagedIPReputationList", "AWSManagedIPReputationList", _never),
    GroupRule("AWSManagedReconnaissanceList", "AWSManagedReconnaissanceList", _never),
    GroupRule("AWSManagedIPDDoSList", "AWSManagedIPDDoSList", _never, COUNT),
)

MANAGED_GROUPS: Final[Mapping[str, Group]] = {
    "AWSManagedRulesKnownBadInputsRuleSet": Group("awswaf:managed:aws:known-bad-inputs:", _KNOWN_BAD_INPUTS),
    "AWSManagedRulesAmazonIpReputationList": Group("awswaf:managed:aws:amazon-ip-list:", _REPUTATION),
}
"""The groups by the name that a ManagedRuleGroupStatement gives."""

"""Whose request it is: the connection's address, or one that a header forwards, with AWS WAF's fallbacks.

Source: AWS WAFv2 API reference, `ForwardedIPConfig` and `IPSetForwardedIPConfig`: without the header the rule does not
apply; without a valid address in the position the fallback decides. FIRST is the only position of rate rules; ANY
looks at the last ten addresses.
"""

import ipaddress
from collections.abc import Callable
from typing import Final

from webhookctl.local.waf.members import Json, choice, only
from webhookctl.local.waf.request import WafRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Addresses = Callable[[WafRequest], "list[Address] | bool"]
"""Returns the addresses to look at; or the verdict itself, where there is none."""
_ANY_LOOKS_AT: Final = 10


def of_connection(request: WafRequest) -> list[Address] | bool:
    """Return the address that the request came from."""
    return _valid([request.client_ip]) or False


def forwarded(config: Json, of: str, *, has_position: bool) -> Addresses:
    """Return a reader of the addresses that a header forwards. Raises UnsupportedStatementError."""
    only(config, of, "HeaderName", "FallbackBehavior", *(["Position"] if has_position else []))
    header = str(config["HeaderName"]).lower()
    fallback = choice(config, of, "FallbackBehavior", "MATCH", "NO_MATCH") == "MATCH"
    position = choice(config, of, "Position", "FIRST", "LAST", "ANY") if has_position else "FIRST"
    part = {"FIRST": slice(0, 1), "LAST": slice(-1, None), "ANY": slice(-_ANY_LOOKS_AT, None)}[position]

    def read(request: WafRequest) -> list[Address] | bool:
        value = request.headers.get(header)
        if value is None:
            return False
        return _valid(value.split(",")[part]) or fallback

    return read


def _valid(texts: list[str]) -> list[Address]:
    found: list[Address] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_address(text.strip()))
        except ValueError:
            continue
    return found

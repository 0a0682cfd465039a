"""What may leave: no card number, and no address of a sender beyond its network, whatever the member is called.

The firewall's log alone has an address in three places: `clientIp`, the limited key and forwarding headers.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from lambdas.shared.card_data import mask

_IPV4: Final = re.compile(r"(?<![0-9A-Za-z.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6: Final = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?!\w)")
_NETWORK_BITS: Final = {4: 24, 6: 48}
_MAPPED_BITS: Final = 96
"""What stands before the IPv4 address in an IPv6 address that stands for it."""


def redacted(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value without card numbers, and with addresses cut to their network (/24, /48)."""
    if isinstance(value, Mapping):
        return {redacted(key): redacted(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(member) for member in value]
    return _cut(mask(value)) if isinstance(value, str) else value


def _cut(text: str) -> str:
    if text.count(".") >= 3:  # noqa: PLR2004 - the dots of an IPv4 address
        text = _IPV4.sub(_network, text)
    return _IPV6.sub(_network, text) if text.count(":") > 1 else text


def _network(found: re.Match[str]) -> str:
    text = found[0].rstrip(".")  # a sentence's end; a colon can be an address's own
    text = text[:-1] if text.endswith(":") and not text.endswith("::") else text
    try:
        address = ip_address(text)
    except ValueError:
        return found[0]
    bits = _NETWORK_BITS[address.version]
    if address.version == 6 and address.ipv4_mapped:  # noqa: PLR2004 - IPv6
        bits = _MAPPED_BITS + _NETWORK_BITS[4]
    return str(ip_network((address, bits), strict=False).network_address) + found[0][len(text) :]

"""The currencies that money is counted in: the current codes of https://www.iso.org/iso-4217-currency-codes.html.

Left out are metals, bond market units, and the codes for testing and for no currency.
"""

from difflib import get_close_matches
from typing import Final

from lambdas.shared.providers.money import codes
from webhookctl.errors import UsageError

CURRENCIES: Final = frozenset(
    codes(
        """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
    GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
    LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """
    )
)


def check_currency(code: str) -> str:
    """Return a code of the list. Raises UsageError, naming the nearest ones, for anything else."""
    if code not in CURRENCIES:
        near = get_close_matches(code, sorted(CURRENCIES), n=3) or ["USD", "EUR", "JPY"]
        raise UsageError(
            f"--currency '{code}' is not an ISO 4217 code of a currency", hint=f"such as {' or '.join(near)}"
        )
    return code

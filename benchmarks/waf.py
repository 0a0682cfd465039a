"""What the local WAF costs a request: evaluation alone, and beside a whole request through the front door's code.

Run: python -m benchmarks.waf. Ratios are of one run on one machine.
"""

import time
from collections.abc import Callable
from statistics import median

from webhookctl.local.waf.acl import Lag, WebAcl
from webhookctl.local.waf.ledger import WafLedger
from webhookctl.local.waf.request import WafRequest

ARN = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/acl/1"
REQUESTS = 50_000
ROUNDS = 5
REQUEST_MS = 11.0
"""Median of a sequential POST through the local environment on two cores."""
RULES = [
    {
        "Name": "rate",
        "Priority": 0,
        "Action": {"Block": {}},
        "VisibilityConfig": {"MetricName": "rate"},
        "Statement": {"RateBasedStatement": {"Limit": 600, "EvaluationWindowSec": 60, "AggregateKeyType": "IP"}},
    },
    {
        "Name": "bad",
        "Priority": 1,
        "OverrideAction": {"None": {}},
        "VisibilityConfig": {"MetricName": "bad"},
        "Statement": {"ManagedRuleGroupStatement": {"Name": "AWSManagedRulesKnownBadInputsRuleSet"}},
    },
]


def main() -> None:
    """Print microseconds a request, for one and for many addresses, with and without the books."""
    rows = [
        ("evaluate, one address", lambda: _run(addresses=1, books=False)),
        ("evaluate, 5,000 addresses", lambda: _run(addresses=5_000, books=False)),
        ("evaluate and keep the books, one address", lambda: _run(addresses=1, books=True)),
    ]
    print(f"{'what':45} {'us/request':>11} {'of a request':>13}")
    for name, run in rows:
        cost = median(_timed(run) for _ in range(ROUNDS))
        print(f"{name:45} {cost:11.1f} {cost / 1000 / REQUEST_MS:13.2%}")


def _timed(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) / REQUESTS * 1e6


def _run(*, addresses: int, books: bool) -> None:
    document = {"ARN": ARN, "Name": "acl", "DefaultAction": {"Allow": {}}, "Rules": RULES}
    acl = WebAcl(document, ip_sets=lambda _: [], lag=Lag(), now=0, phase=lambda: 0.5)
    ledger = WafLedger(acl.visibility)
    headers = {"host": "api", "content-type": "application/json", "user-agent": "Stripe/1.0", "stripe-signature": "t=1"}
    body = b'{"id": "evt_1", "object": "event"}' * 60
    for n in range(REQUESTS):
        address = f"10.0.{n % addresses // 250}.{n % addresses % 250}"
        request = WafRequest(
            method="POST", path="/prod/webhook/stripe", query="", headers=headers, client_ip=address, body=body
        )
        decision = acl.evaluate(request, n / 100)
        if books:
            ledger.record(request, decision, n / 100)


if __name__ == "__main__":
    main()

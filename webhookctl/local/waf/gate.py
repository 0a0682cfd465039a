"""AWS WAF's place at the front door: decide before the gateway sees the request, and keep the books of it."""

import time
from typing import Final

from webhookctl.local.aws_listener import ApiAnswer, ApiCall, refusal
from webhookctl.local.exchange import Arrival, Passage, Refusal, message
from webhookctl.local.extensions import Extension, FrontDoorContext
from webhookctl.local.state import ACCOUNT_ID
from webhookctl.local.waf.acl import Decision, WebAcl
from webhookctl.local.waf.actions import answer
from webhookctl.local.waf.directory import WafDirectory
from webhookctl.local.waf.ledger import WafLedger
from webhookctl.local.waf.log_record import log_record
from webhookctl.local.waf.profile import PROFILE
from webhookctl.local.waf.publisher import WafPublisher
from webhookctl.local.waf.request import WafRequest
from webhookctl.local.waf.samples import SAMPLE_LIMIT, sampled_request

_TARGET: Final = "AWSWAF_20190729."


def make(context: FrontDoorContext) -> Extension:
    """Return the front door's extension that enforces the stage's web ACL."""
    directory = WafDirectory(context.engine, context.stages, context.root / PROFILE)
    publisher = WafPublisher(context.engine)
    gate = WafGate(directory, publisher)
    return Extension(
        gates=(gate,),
        handlers={
            _TARGET + "GetRateBasedStatementManagedKeys": gate.managed_keys,
            _TARGET + "GetSampledRequests": gate.sampled_requests,
        },
        background=(directory.run, lambda: publisher.run(gate.ledgers)),
    )


class WafGate:
    """Evaluates each request against its stage's web ACL."""

    def __init__(self, directory: WafDirectory, publisher: WafPublisher) -> None:
        self._directory, self._publisher = directory, publisher
        self.ledgers: dict[str, WafLedger] = {}

    async def check(self, arrival: Arrival) -> Refusal | Passage | None:
        """Return what a refused request is answered, the headers to add to one that passes, or None to let it pass."""
        guard = await self._directory.ready(arrival.stage)
        if guard is None:
            return None
        if guard.acl is None:
            return Refusal(message(500, guard.fault))
        request = as_waf_request(arrival)
        decision = guard.acl.evaluate(request, time.monotonic())
        self._keep_books(guard.acl, arrival, request, decision)
        if not decision.is_blocked:
            return Passage(decision.inserts) if decision.inserts else None
        status = str(decision.action.status)
        context = {"waf.status": status, "wafResponseCode": "WAF_BLOCK", "error.responseType": "WAF_FILTERED"}
        return Refusal(answer(decision.action), context)

    async def managed_keys(self, call: ApiCall) -> ApiAnswer:
        """Answer GetRateBasedStatementManagedKeys: the addresses that a rate rule blocks now."""
        name, rule = str(call.parameters.get("WebACLName")), str(call.parameters.get("RuleName"))
        for acl in self._directory.acls():
            keys = acl.limited_keys(rule, time.monotonic()) if acl.name == name else None
            if keys is not None:
                four = [f"{key}/32" for key in keys if "." in key]
                six = [f"{key}/128" for key in keys if ":" in key]
                return ApiAnswer(
                    {
                        "ManagedKeysIPV4": {"IPAddressVersion": "IPV4", "Addresses": four},
                        "ManagedKeysIPV6": {"IPAddressVersion": "IPV6", "Addresses": six},
                    }
                )
        return refusal("WAFNonexistentItemException", f"no rate-based rule {rule!r} in a web ACL {name!r} in use")

    async def sampled_requests(self, call: ApiCall) -> ApiAnswer:
        """Answer GetSampledRequests for a rule's metric name, or ALL."""
        arn, metric = str(call.parameters.get("WebAclArn")), str(call.parameters.get("RuleMetricName"))
        window = call.parameters.get("TimeWindow") or {}
        limit = min(int(call.parameters.get("MaxItems", SAMPLE_LIMIT)), SAMPLE_LIMIT)
        start, end = float(window.get("StartTime", 0)), float(window.get("EndTime", time.time()))
        ledger = self.ledgers.get(arn, WafLedger())
        drawn = ledger.samples(metric, start, end, limit)
        return ApiAnswer(
            {
                "SampledRequests": [sampled_request(sample) for sample in drawn.samples],
                "PopulationSize": drawn.population,
                "TimeWindow": {"StartTime": start, "EndTime": end},
            }
        )

    def _keep_books(self, acl: WebAcl, arrival: Arrival, request: WafRequest, decision: Decision) -> None:
        ledger = self.ledgers.get(acl.arn)
        if ledger is None:
            ledger = self.ledgers[acl.arn] = WafLedger()
        ledger.follow(acl.visibility)
        ledger.record(request, decision, arrival.arrived_at)
        if decision.action.kind == "BLOCK" or decision.counted:  # what the stack's logging filter keeps
            source = f"{ACCOUNT_ID}:{arrival.stage.api_id}:{arrival.stage.name}"
            self._publisher.log(acl.arn, log_record(acl.arn, source, request, decision, arrival.arrived_at))


def as_waf_request(arrival: Arrival) -> WafRequest:
    """Return what the rules look at; a header that came several times counts with all its values, joined by commas."""
    headers: dict[str, str] = {}
    for name, value in arrival.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return WafRequest(
        method=arrival.method,
        path=f"/{arrival.stage.name}{arrival.path}",
        query=arrival.query,
        headers=headers,
        client_ip=arrival.source_ip,
        body=arrival.body,
        request_id=arrival.request_id,
    )

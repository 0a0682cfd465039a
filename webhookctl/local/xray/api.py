"""The X-Ray REST API, answering real AWS clients: `XRayApi.handle(path, body)` is all a server needs to mount.

Every operation is a POST to a path of the service model; bodies are JSON, times epoch seconds. What is not offered
(groups, insights, encryption keys) is refused with InvalidRequestException, never answered wrongly.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from webhookctl.local.xray.expression import Expression, FilterError
from webhookctl.local.xray.filter import parse
from webhookctl.local.xray.graph import ServiceGraph
from webhookctl.local.xray.match import matches
from webhookctl.local.xray.store import TraceStore
from webhookctl.local.xray.summary import summarise, whole
from webhookctl.local.xray.view import TraceView

MAX_RANGE_S = 6 * 3600
"""The longest time range of one query."""
MAX_BATCH_TRACES = 5
PAGE_SIZE = 100

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `error` is the exception's name for the `x-amzn-errortype` header, None on success."""

    status: int
    body: bytes
    error: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that AWS clients look at."""
        found = {"Content-Type": "application/json"}
        return {**found, "x-amzn-errortype": self.error} if self.error else found


class InvalidRequestError(ValueError):
    """The client's request is not valid: HTTP 400, InvalidRequestException."""


class XRayApi:
    """The operations over one store. Not async: call `handle` in a thread. `flush` makes what is buffered readable."""

    def __init__(
        self,
        store: TraceStore,
        *,
        flush: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._store = store
        self._flush = flush
        self._clock = clock
        self._page_size = page_size
        self._operations: dict[str, Callable[[Body], Body]] = {
            "/TraceSegments": self._put_segments,
            "/TelemetryRecords": lambda _: {},
            "/TraceSummaries": self._summaries,
            "/Traces": self._traces,
            "/ServiceGraph": self._service_graph,
            "/TraceGraph": self._trace_graph,
            "/GetSamplingRules": lambda _: {"SamplingRuleRecords": [_default_rule(self._clock())]},
            "/SamplingTargets": self._sampling_targets,
            "/GetTraceSegmentDestination": lambda _: {"Destination": "XRay", "Status": "ACTIVE"},
            "/Groups": lambda _: {"Groups": []},
            "/EncryptionConfig": lambda _: {"EncryptionConfig": {"Status": "ACTIVE", "Type": "NONE"}},
        }

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that the API answers; all by POST."""
        return tuple(self._operations)

    def handle(self, path: str, body: bytes) -> Answer:
        """Answer one request; never raises for what a client sent."""
        operation = self._operations.get(path)
        if operation is None:
            return _failure(404, "UnknownOperationException", f"{path} is not offered by the local X-Ray")
        try:
            request = _request(body)
            self._flush()
            return Answer(200, json.dumps(operation(request)).encode())
        except (InvalidRequestError, FilterError) as error:
            return _failure(400, "InvalidRequestException", str(error))
        except (ValueError, TypeError, KeyError) as error:
            return _failure(400, "InvalidRequestException", f"the request is malformed: {error}")

    def _put_segments(self, request: Body) -> Body:
        rejected = self._store.put(str(text) for text in request["TraceSegmentDocuments"])
        return {"UnprocessedTraceSegments": [{"Id": r.id, "ErrorCode": r.code, "Message": r.message} for r in rejected]}

    def _summaries(self, request: Body) -> Body:
        start, end = _range(request)
        expression = parse(str(request.get("FilterExpression") or ""))
        by_event = request.get("TimeRangeType", "TraceId") != "TraceId"
        keep = _sampling(request)
        found: list[Body] = []
        processed, token = 0, None
        for at in self._store.trace_ids(start, end, by_event=by_event, before=_cursor(request)):
            view = self._store.view(at[1])
            processed += 1
            if view is not None and keep(at[1]) and matches(view, expression):
                found.append(summarise(view) | ({"MatchedEventTime": view.start} if by_event else {}))
            if len(found) == self._page_size:
                token = _token(at)
                break
        answer: Body = {"TraceSummaries": found, "ApproximateTime": self._clock(), "TracesProcessedCount": processed}
        return answer | ({"NextToken": token} if token else {})

    def _traces(self, request: Body) -> Body:
        ids = [str(trace_id) for trace_id in request["TraceIds"]]
        if len(ids) > MAX_BATCH_TRACES:
            raise InvalidRequestError(f"at most {MAX_BATCH_TRACES} trace ids at a time")
        found = []
        for trace_id in dict.fromkeys(ids):
            stored, view = self._store.get(trace_id), self._store.view(trace_id)
            if stored is not None and view is not None:
                found.append(whole(stored, view))
        return {"Traces": found, "UnprocessedTraceIds": []}

    def _service_graph(self, request: Body) -> Body:
        start, end = _range(request)
        if request.get("GroupName", "Default") != "Default" or request.get("GroupARN"):
            raise InvalidRequestError("groups are not offered by the local X-Ray")
        graph = ServiceGraph.of(self._views(start, end))
        return {"StartTime": start, "EndTime": end, "Services": graph.services(), "ContainsOldGroupVersions": False}

    def _views(self, start: float, end: float, expression: Expression | None = None) -> Iterator[TraceView]:
        for _, trace_id in self._store.trace_ids(start, end, by_event=True):
            view = self._store.view(trace_id)
            if view is not None and matches(view, expression):
                yield view

    def _trace_graph(self, request: Body) -> Body:
        views = [view for trace_id in request["TraceIds"] if (view := self._store.view(str(trace_id)))]
        return {"Services": ServiceGraph.of(views).services()}

    def _sampling_targets(self, request: Body) -> Body:
        targets = [
            {"RuleName": d["RuleName"], "FixedRate": 1.0, "Interval": 10}
            for d in request.get("SamplingStatisticsDocuments") or ()
        ]
        now = self._clock()
        return {"SamplingTargetDocuments": targets, "LastRuleModification": now, "UnprocessedStatistics": []}


def _request(body: bytes) -> Body:
    request = json.loads(body or b"{}")
    if not isinstance(request, dict):
        raise InvalidRequestError("the request is not a JSON object")
    return request


def _failure(status: int, name: str, message: str) -> Answer:
    return Answer(status, json.dumps({"__type": name, "Message": message, "message": message}).encode(), name)


def _range(request: Body) -> tuple[float, float]:
    start, end = float(request["StartTime"]), float(request["EndTime"])
    if end <= start:
        raise InvalidRequestError("EndTime must be after StartTime")
    if end - start > MAX_RANGE_S:
        raise InvalidRequestError("Time range cannot be longer than 6 hours")
    return start, end


def _sampling(request: Body) -> Callable[[str], bool]:
    """Return which traces a request for a sample keeps: always the same share of the ids, so that it is repeatable."""
    strategy = request.get("SamplingStrategy") or {}
    if not request.get("Sampling") or strategy.get("Name") != "FixedRate":
        return lambda _: True
    share = float(strategy.get("Value") or 0.0)
    return lambda trace_id: int.from_bytes(sha256(trace_id.encode()).digest()[:4]) < share * 2**32


def _token(at: tuple[int, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(at).encode()).decode()


def _cursor(request: Body) -> tuple[int, str] | None:
    token = request.get("NextToken")
    if not token:
        return None
    try:
        started, trace_id = json.loads(base64.urlsafe_b64decode(str(token)))
        return int(started), str(trace_id)
    except ValueError as error:
        raise InvalidRequestError("NextToken is not one of ours") from error


def _default_rule(now: float) -> Body:
    rule = {
        "RuleName": "Default",
        "RuleARN": "arn:aws:xray:local::sampling-rule/Default",
        "ResourceARN": "*",
        "Priority": 10000,
        "FixedRate": 1.0,
        "ReservoirSize": 1,
        "ServiceName": "*",
        "ServiceType": "*",
        "Host": "*",
        "HTTPMethod": "*",
        "URLPath": "*",
        "Version": 1,
        "Attributes": {},
    }
    return {"SamplingRule": rule, "CreatedAt": now, "ModifiedAt": now}

"""One request at the front door, from its arrival to its answer; and the places where others may join in."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from multidict import CIMultiDict, CIMultiDictProxy

from webhookctl.local.stage_directory import Stage
from webhookctl.local.trace_header import TraceHeader


@dataclass(frozen=True)
class Arrival:
    """A request as it came in, its body read to the end."""

    method: str
    path: str
    """Without the stage, percent-encoding untouched, e.g. `/webhook/stripe`."""
    query: str
    """As sent, without the question mark; may be empty."""
    headers: CIMultiDictProxy[str]
    body: bytes
    source_ip: str
    stage: Stage
    trace: TraceHeader
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    arrived_at: float = field(default_factory=time.time)
    """Unix time in seconds."""

    @property
    def extended_request_id(self) -> str:
        """The gateway's own short id: 16 characters of base64, as API Gateway's are."""
        return base64.b64encode(uuid.UUID(self.request_id).bytes[:11]).decode()


@dataclass(frozen=True)
class Answer:
    """What goes back to the client."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


@dataclass(frozen=True)
class Refusal:
    """A gate's decision not to forward a request, and what the client and the access log get instead."""

    answer: Answer
    context: Mapping[str, str] = field(default_factory=dict)
    """Access-log variables (without `$context.`), e.g. `{"waf.status": "403"}`."""


@dataclass(frozen=True)
class Passage:
    """A gate's decision to let a request pass with headers added, which replace any of the same name."""

    headers: Mapping[str, str]


@dataclass(frozen=True)
class Exchange:
    """A finished request."""

    arrival: Arrival
    answer: Answer
    integration_latency_s: float | None
    """How long the Lambda integration took; None where the request never got there."""
    latency_s: float
    context: Mapping[str, str] = field(default_factory=dict)
    """Access-log variables of the gates."""


class Gate(Protocol):
    """Looks at a request before it is forwarded: the place of a web ACL or a throttle."""

    async def check(self, arrival: Arrival) -> Refusal | Passage | None:
        """Return why the request goes no further, or what it passes with, or None to let it pass as it is."""


class Observer(Protocol):
    """Learns of every finished request: logs, metrics, trace segments."""

    def completed(self, exchange: Exchange) -> None:
        """Take note. Must return at once and never raise."""


def message(status: int, text: str) -> Answer:
    """Return an answer in API Gateway's own form: `{"message": "..."}`."""
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Answer(status, CIMultiDict({"Content-Type": "application/json"}), body)


def readable(text: str) -> str:
    """Return what came in as text that any log and reader takes: bytes that are no UTF-8 are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

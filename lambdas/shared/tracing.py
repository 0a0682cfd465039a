"""X-Ray: one segment per webhook and function, in the webhook's own trace. The SDK loads only when sampled.

API Gateway starts the trace; the receiver's segment continues it, hands it on as `AWSTraceHeader`, and the processor's
segment continues it again; the audit logger finds it on the item. So one trace holds a webhook's whole trip, also when
a batch mixes webhooks.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")

Refusals = tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHeader:
    """The parts of an X-Amzn-Trace-Id header."""

    root: str | None = None
    parent: str | None = None
    is_sampled: bool = False

    @classmethod
    def parse(cls, text: str | None) -> "TraceHeader":
        """Read a header; one that is absent or foreign gives a header without root.

        Nothing but X-Ray's own form of ids is taken: the header is a stranger's, and goes on to item, log and queue.
        """
        parts = dict(part.strip().split("=", 1) for part in (text or "").split(";") if "=" in part)
        root, parent = parts.get("Root", ""), parts.get("Parent", "")
        is_trace = _ROOT.fullmatch(root) is not None
        return cls(
            root=root if is_trace else None,
            parent=parent if _PARENT.fullmatch(parent) else None,
            is_sampled=is_trace and parts.get("Sampled") == "1",
        )

    @classmethod
    def stored(cls, trace_id: str | None, parent: str | None) -> "TraceHeader":
        """Return the header by which whoever works on a stored webhook continues its trace.

        `parent` is stored of sampled traces only.
        """
        return cls.parse(f"Root={trace_id};Parent={parent or ''};Sampled={int(bool(parent))}")

    def __str__(self) -> str:
        parent = f";Parent={self.parent}" if self.parent else ""
        return f"Root={self.root}{parent};Sampled={int(self.is_sampled)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCall:
    """The call that a step consists of; it puts the called resource into the service map.

    `service` and the key of `resource` are X-Ray's own words (developer guide, "Segment documents": `aws`).
    """

    service: str
    operation: str
    resource: Mapping[str, str]

    @classmethod
    def table(cls, operation: str, name: str) -> "AwsCall":
        """Name an operation on a table."""
        return cls(service="DynamoDB", operation=operation, resource={"table_name": name})

    @classmethod
    def queue(cls, operation: str, url: str) -> "AwsCall":
        """Name an operation on a queue."""
        return cls(service="SQS", operation=operation, resource={"queue_url": url})


class Span(Protocol):
    """What the trip tells about itself while it runs."""

    def step(self, name: str) -> AbstractContextManager[None]:
        """Time a part of the work."""
        ...

    def annotate(self, **annotations: str | int | bool | None) -> None:
        """Add searchable annotations; None is left out."""
        ...

    def fail(self) -> None:
        """Mark the span as failed by us (a fault)."""
        ...

    @property
    def header(self) -> str | None:
        """The header that links whoever works on next."""
        ...


class _Silent:
    def __init__(self, header: TraceHeader) -> None:
        self._header = header

    def step(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 - nothing to time
        return nullcontext()

    def annotate(self, **annotations: str | int | bool | None) -> None:
        pass

    def fail(self) -> None:
        pass

    @property
    def header(self) -> str | None:
        return str(self._header) if self._header.root else None


class _Sampled:
    def __init__(
        self,
        recorder: Any,  # noqa: ANN401 - the SDK is untyped
        segment: Any,  # noqa: ANN401
        header: TraceHeader,
        calls: Mapping[str, AwsCall],
        refusals: Refusals,
    ) -> None:
        self._refusals = refusals
        self._recorder = recorder
        self._segment = segment
        self._header = header
        self._calls = calls

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        call = self._calls.get(name)
        with self._subsegment(name), self._called(call) if call else nullcontext():
            yield

    @contextmanager
    def _called(self, call: AwsCall) -> Iterator[None]:
        with self._subsegment(call.service, namespace="aws") as subsegment:
            subsegment.set_aws({"operation": call.operation, **call.resource})
            yield

    @contextmanager
    def _subsegment(self, name: str, *, namespace: str = "local") -> Iterator[Any]:
        subsegment = self._recorder.begin_subsegment(name, namespace=namespace)
        try:
            with self.flagged(subsegment):
                yield subsegment
        finally:
            self._recorder.end_subsegment()

    @contextmanager
    def flagged(self, entity: Any) -> Iterator[None]:  # noqa: ANN401 - the SDK is untyped
        """Mark a segment or subsegment with what ends it: an error of the caller's or a fault of ours."""
        try:
            yield
        except self._refusals:
            entity.add_error_flag()
            raise
        except Exception:
            entity.add_fault_flag()
            raise

    def annotate(self, **annotations: str | int | bool | None) -> None:
        for key, value in annotations.items():
            if value is not None:
                self._segment.put_annotation(key, value)

    def fail(self) -> None:
        self._segment.add_fault_flag()

    @property
    def header(self) -> str | None:
        return str(TraceHeader(root=self._header.root, parent=self._segment.id, is_sampled=True))


@contextmanager
def span(
    name: str, header: TraceHeader, *, calls: Mapping[str, AwsCall] | None = None, refusals: Refusals = ()
) -> Iterator[Span]:
    """Open a segment in the trace of `header`; silent unless it is sampled. What it raises passes through.

    `calls` says of steps, by name, which AWS call they consist of. `refusals` are the exceptions that are the caller's
    doing, X-Ray's errors; any other is a fault.
    """
    if not header.is_sampled:
        yield _Silent(header)
        return
    recorder = _recorder()
    segment = recorder.begin_segment(name=name, traceid=header.root, parent_id=header.parent, sampling=1)
    sampled = _Sampled(recorder, segment, header, calls or {}, refusals)
    try:
        with sampled.flagged(segment):
            yield sampled
    finally:
        recorder.end_segment()


def incoming(header_text: str | None, environ: Mapping[str, str] = os.environ) -> TraceHeader:
    """Return the trace to continue: the request's, with Lambda's own segment as parent where it is the same trace."""
    lambda_header = TraceHeader.parse(environ.get("_X_AMZN_TRACE_ID"))
    header = TraceHeader.parse(header_text)
    return header if header.root and header.root != lambda_header.root else lambda_header


@cache
def _recorder() -> Any:  # noqa: ANN401 - the SDK is untyped
    from aws_xray_sdk.core.context import Context  # noqa: PLC0415 - loading costs 120 ms; only sampled ones pay
    from aws_xray_sdk.core.recorder import AWSXRayRecorder  # noqa: PLC0415

    recorder = AWSXRayRecorder()
    recorder.configure(
        context=Context(),
        context_missing="IGNORE_ERROR",
        sampling=False,
        daemon_address=os.environ.get("AWS_XRAY_DAEMON_ADDRESS"),
    )
    return recorder

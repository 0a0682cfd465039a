"""Daemon, store and API: what the SDK sends is what AWS clients get back."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes_xray import NOW, Served, client_of, segment, served, trace_id
from webhookctl.local.xray.store import TraceStore

A, B = "a".rjust(16, "0"), "b".rjust(16, "0")


@pytest.fixture
def xray(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "traces.db") as running:
        yield running


def _when(offset: float) -> datetime:
    return datetime.fromtimestamp(NOW + offset, UTC)


def _summaries(xray: Served, start: float = -60, end: float = 60, **more: Any) -> list[dict[str, Any]]:
    pages = client_of(xray).get_paginator("get_trace_summaries")
    found = pages.paginate(StartTime=_when(start), EndTime=_when(end), **more)
    return [summary for page in found for summary in page["TraceSummaries"]]


def _eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline, "did not happen within 10 s"
        time.sleep(0.02)


_SDK_PROGRAM = """
import os
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.lambda_launcher import LambdaContext
assert isinstance(xray_recorder.context, LambdaContext)
with xray_recorder.in_subsegment("verify") as outer:
    outer.put_annotation("provider", "stripe")
    with xray_recorder.in_subsegment("store", namespace="aws") as inner:
        inner.put_http_meta("status", 200)
"""


def test_what_the_unmodified_sdk_sends_in_a_lambda_is_found_by_its_annotation(xray: Served, tmp_path: Path) -> None:
    """The SDK's UDP datagrams, sent as inside a Lambda, hang from the invocation's segment."""
    trace = f"1-{int(time.time()):08x}-{7:024x}"
    xray.xray.put(json.loads(segment(trace, "a", "webhook-receiver-dev", start=time.time() - NOW)))
    environment = os.environ | {
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "_X_AMZN_TRACE_ID": f"Root={trace};Parent={A};Sampled=1",
        "AWS_XRAY_DAEMON_ADDRESS": xray.daemon_address,
    }
    subprocess.run([sys.executable, "-c", _SDK_PROGRAM], env=environment, check=True)
    now = time.time() - NOW
    _eventually(lambda: len(_summaries(xray, now - 60, now + 60, FilterExpression="annotation.provider")) == 1)
    document = json.loads(client_of(xray).batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"][0]["Document"])
    assert document["subsegments"][0]["name"] == "verify"
    assert document["subsegments"][0]["subsegments"][0]["name"] == "store"


def test_a_datagram_that_is_no_segment_is_dropped_and_counted(xray: Served) -> None:
    """Noise on the port changes nothing."""
    host, port = xray.daemon_address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for noise in (b"", b"hello", b'{"format": "json", "version": 1}\n{"id": 1}', b"[]\n{}", b'{"format":"x"}\n{}'):
            sender.sendto(noise, (host, int(port)))
        sender.sendto(
            b'{"format": "json", "version": 1}\n' + segment(trace_id(1), "a", "ok").encode(), (host, int(port))
        )
    _eventually(lambda: len(_summaries(xray)) == 1)
    _eventually(lambda: xray.xray.dropped == 5)


def test_traces_survive_a_kill_of_the_process(tmp_path: Path) -> None:
    """What was flushed is still there after SIGKILL."""
    path = tmp_path / "traces.db"
    program = (
        "import sys, time; from pathlib import Path; from webhookctl.local.xray.store import TraceStore\n"
        "store = TraceStore(Path(sys.argv[1])); store.put([sys.argv[2]]); print('stored', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path), segment(trace_id(1), "a", "kept")], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"stored\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with served(path) as again:
        assert [s["Id"] for s in _summaries(again)] == [trace_id(1)]


def test_a_complete_segment_replaces_the_one_in_progress_in_either_order(xray: Served) -> None:
    """A segment in progress makes the trace partial until its end comes; a late start doesn't undo the end."""
    begun = segment(trace_id(1), "a", "intake", end_time=None, in_progress=True)
    done = segment(trace_id(1), "a", "intake", took=2.0)
    client = client_of(xray)
    client.put_trace_segments(TraceSegmentDocuments=[begun])
    assert _summaries(xray)[0]["IsPartial"] is True
    assert "ResponseTime" not in _summaries(xray)[0]
    client.put_trace_segments(TraceSegmentDocuments=[done])
    client.put_trace_segments(TraceSegmentDocuments=[begun])
    assert _summaries(xray)[0]["IsPartial"] is False
    assert _summaries(xray)[0]["ResponseTime"] == pytest.approx(2.0)


def test_each_invalid_document_is_reported_and_the_others_are_stored(xray: Served) -> None:
    """PutTraceSegments names what it could not take."""
    answer = client_of(xray).put_trace_segments(
        TraceSegmentDocuments=[
            segment(trace_id(1), "a", "good"),
            segment(trace_id(1), "zz", "bad id"),
            "not json",
            json.dumps({"id": A, "trace_id": "2-nonsense", "name": "x", "start_time": 1.0, "end_time": 2.0}),
            segment(trace_id(2), "c", "long", metadata={"default": "x" * 70_000}),
        ]
    )
    assert [bad["ErrorCode"] for bad in answer["UnprocessedTraceSegments"]] == [
        "MissingOrInvalid",
        "ParseError",
        "MissingOrInvalid",
        "SizeLimitExceeded",
    ]
    assert [s["Id"] for s in _summaries(xray)] == [trace_id(1)]


def test_the_pages_of_a_long_answer_hold_every_trace_once(xray: Served) -> None:
    """NextToken walks through all matches, newest first."""
    xray.xray.store.put(segment(trace_id(n, at=NOW - n // 10), f"{n:x}", "intake") for n in range(350))
    found = [summary["Id"] for summary in _summaries(xray)]
    assert len(found) == len(set(found)) == 350
    assert found == sorted(found, reverse=True)


def test_a_range_by_event_finds_traces_that_were_active_then(xray: Served) -> None:
    """TraceId asks when a trace began, Event when it was active."""
    xray.xray.store.put([segment(trace_id(1), "a", "intake"), segment(trace_id(1), "b", "processor", start=300)])
    assert _summaries(xray, 200, 400) == []
    assert [s["Id"] for s in _summaries(xray, 200, 400, TimeRangeType="Event")] == [trace_id(1)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"StartTime": _when(0), "EndTime": _when(-1)}, "after StartTime"),
        ({"StartTime": _when(0), "EndTime": _when(7 * 3600)}, "6 hours"),
        ({"StartTime": _when(0), "EndTime": _when(60), "NextToken": "nonsense"}, "NextToken"),
    ],
)
def test_a_bad_request_is_refused_by_name(xray: Served, arguments: dict[str, Any], says: str) -> None:
    """The client gets InvalidRequestException with the reason."""
    with pytest.raises(ClientError, match=says) as caught:
        client_of(xray).get_trace_summaries(**arguments)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


def test_more_than_five_traces_at_a_time_are_refused(xray: Served) -> None:
    """BatchGetTraces keeps to AWS's limit, so that our own callers are held to it."""
    with pytest.raises(ClientError, match="5"):
        client_of(xray).batch_get_traces(TraceIds=[trace_id(n) for n in range(6)])


def test_the_service_graph_counts_requests_errors_and_edges(xray: Served) -> None:
    """Client -> stage -> function -> table, each with its tallies."""
    call = {"id": "c".rjust(16, "0"), "name": "DynamoDB", "namespace": "aws", "start_time": NOW, "end_time": NOW + 0.02}
    for number, status in enumerate((200, 200, 503), start=1):
        http = {"request": {"url": "http://x/prod", "method": "POST"}, "response": {"status": status}}
        xray.xray.store.put(
            [
                segment(trace_id(number), "a", "intake/prod", origin="AWS::ApiGateway::Stage", http=http),
                segment(trace_id(number), "b", "receiver", origin="AWS::Lambda", parent_id=A, subsegments=[call]),
            ]
        )
    services = client_of(xray).get_service_graph(StartTime=_when(-60), EndTime=_when(60))["Services"]
    by_type = {service["Type"]: service for service in services}
    assert set(by_type) == {"client", "AWS::ApiGateway::Stage", "AWS::Lambda", "AWS::DynamoDB::Table"}
    stage = by_type["AWS::ApiGateway::Stage"]
    assert stage["SummaryStatistics"]["TotalCount"] == 3
    assert stage["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1
    assert stage["Edges"][0]["ReferenceId"] == by_type["AWS::Lambda"]["ReferenceId"]
    assert by_type["AWS::Lambda"]["Edges"][0]["SummaryStatistics"]["OkCount"] == 3
    assert by_type["client"]["Edges"][0]["ReferenceId"] == stage["ReferenceId"]
    assert len({service["ReferenceId"] for service in services}) == 4


def test_a_link_leads_from_the_queue_to_whom_the_message_went(xray: Served) -> None:
    """An invocation by a queue has a trace of its own; its link joins the two, with the age of the message."""
    target = {"namespace": "aws", "aws": {"queue_url": "http://q/processing"}}
    call = {"id": "c".rjust(16, "0"), "name": "SQS", "start_time": NOW, "end_time": NOW + 0.02, **target}
    xray.xray.store.put(
        [
            segment(trace_id(1), "a", "receiver", subsegments=[call]),
            segment(
                trace_id(2),
                "b",
                "processor",
                start=3.02,
                origin="AWS::Lambda",
                links=[{"trace_id": trace_id(1), "id": A}, {"trace_id": trace_id(9), "id": A}],
            ),
        ]
    )
    services = client_of(xray).get_service_graph(StartTime=_when(-60), EndTime=_when(60))["Services"]
    by_name = {service["Name"]: service for service in services}
    (edge,) = by_name["http://q/processing"]["Edges"]
    assert edge["ReferenceId"] == by_name["processor"]["ReferenceId"]
    assert (edge["EdgeType"], edge["ReceivedEventAgeHistogram"]) == ("link", [{"Value": 3.0, "Count": 1}])
    assert "ResponseTimeHistogram" not in edge


def test_an_orphan_subsegment_and_a_parent_loop_do_no_harm(xray: Served) -> None:
    """Incomplete and absurd traces are answered too."""
    xray.xray.store.put(
        [
            segment(trace_id(1), "a", "orphan", type="subsegment", parent_id=B, annotations={"provider": "stripe"}),
            segment(trace_id(2), "a", "loop", type="subsegment", parent_id=B),
            segment(trace_id(2), "b", "loop", type="subsegment", parent_id=A),
            segment(trace_id(3), "a", "circle", parent_id=B),
            segment(trace_id(3), "b", "circle", parent_id=A),
        ]
    )
    assert len(_summaries(xray)) == 3
    assert len(_summaries(xray, FilterExpression='annotation.provider = "stripe"')) == 1
    traces = client_of(xray).batch_get_traces(TraceIds=[trace_id(n) for n in (1, 2, 3)])["Traces"]
    assert len(traces) == 3


def test_the_store_stays_within_its_bound_and_keeps_the_newest(tmp_path: Path) -> None:
    """The oldest traces go first when the file would outgrow its limit."""
    store = TraceStore(tmp_path / "traces.db", max_bytes=2_000_000, clock=lambda: NOW)
    for batch in range(20):
        store.put(
            segment(trace_id(n, at=NOW + batch), f"{n:x}", "intake", metadata={"x": "y" * 1000}) for n in range(500)
        )
    kept = list(store.trace_ids(NOW - 1, NOW + 60))
    store.close()
    assert kept[0][0] == int(NOW) + 19
    assert 500 < len(kept) < 2000
    assert (tmp_path / "traces.db").stat().st_size < 4_000_000


def test_traces_older_than_thirty_days_go(tmp_path: Path) -> None:
    """Retention is AWS's."""
    store = TraceStore(tmp_path / "traces.db", clock=lambda: NOW)
    old = NOW - 31 * 24 * 3600
    store.put([segment(trace_id(1, at=old), "a", "old")])
    store.put(segment(trace_id(n), f"{n:x}", "new") for n in range(500))
    assert list(store.trace_ids(old - 1, old + 1)) == []
    store.close()


def test_the_rest_of_what_clients_ask_is_answered(xray: Served) -> None:
    """Telemetry, sampling rules, destination: a daemon or a CLI that asks them goes on working."""
    client = client_of(xray)
    client.put_telemetry_records(TelemetryRecords=[{"Timestamp": _when(0), "SegmentsReceivedCount": 1}])
    assert client.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]["RuleName"] == "Default"
    assert client.get_trace_segment_destination()["Destination"] == "XRay"
    assert client.get_trace_graph(TraceIds=[trace_id(1)])["Services"] == []
    with pytest.raises(ClientError, match="not offered"):
        client.get_insight_summaries(StartTime=_when(0), EndTime=_when(60))

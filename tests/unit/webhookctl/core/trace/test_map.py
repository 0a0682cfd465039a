"""The service map: one node for each function, the queue between sender and receiver, windows added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webhookctl.core.trace.map import read_map
from webhookctl.errors import NotFoundError

END = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAGE, SERVICE, FUNCTION, CODE, QUEUE, PROCESSOR, PROCESSOR_CODE = range(7)


def _statistics(total: int, faults: int = 0) -> dict[str, Any]:
    return {"SummaryStatistics": {"TotalCount": total, "FaultStatistics": {"TotalCount": faults}}}


def _service(reference: int, name: str, kind: str, *edges: dict[str, Any], total: int, faults: int = 0) -> Any:
    times = {"ResponseTimeHistogram": [{"Value": 0.1 * (reference + 1), "Count": total}]}
    named = {"ReferenceId": reference, "Name": name, "Type": kind, "Edges": list(edges)}
    return {**named, **times, **_statistics(total, faults)}


def _edge(target: int, total: int, faults: int = 0, **more: Any) -> dict[str, Any]:
    return {"ReferenceId": target, **_statistics(total, faults), **more}


WINDOW = [
    _service(STAGE, "api/prod", "AWS::ApiGateway::Stage", _edge(SERVICE, 4), total=4),
    _service(SERVICE, "receiver", "AWS::Lambda", _edge(FUNCTION, 4), total=4),
    _service(FUNCTION, "receiver", "AWS::Lambda::Function", _edge(CODE, 4), total=4),
    _service(CODE, "receiver", "", _edge(QUEUE, 4), _edge(PROCESSOR_CODE, 6, faults=2), total=4),
    _service(
        QUEUE,
        "https://sqs.test/000000000000/processing",
        "AWS::SQS::Queue",
        _edge(PROCESSOR, 6, EdgeType="link", ReceivedEventAgeHistogram=[{"Value": 2.0, "Count": 6}]),
        total=4,
    ),
    _service(PROCESSOR, "processor", "AWS::Lambda", total=2),
    _service(PROCESSOR_CODE, "processor", "", total=6, faults=2),
]


@dataclass
class FakeGraph:
    """Answers every window alike; remembers them."""

    services: Sequence[Mapping[str, Any]] = field(default_factory=lambda: WINDOW)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def graph(self, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
        self.asked.append((start, end))
        return self.services

    def hidden_reason(self) -> str | None:
        return "Transaction Search is on"


def test_a_function_is_one_node_counted_by_what_its_code_says() -> None:
    """Three layers of the receiver, two of the processor: two nodes; a batch of failures counts each webhook."""
    found = read_map(FakeGraph(), start=END - timedelta(hours=1), end=END)
    assert {(node.name, node.type): (node.requests, node.faults) for node in found.nodes} == {
        ("api/prod", "AWS::ApiGateway::Stage"): (4, 0),
        ("receiver", "AWS::Lambda"): (4, 0),
        ("processing", "AWS::SQS::Queue"): (4, 0),
        ("processor", "AWS::Lambda"): (6, 2),
    }


def test_a_client_is_counted_by_what_it_sends() -> None:
    """X-Ray gives its node no statistics of its own."""
    client = {"ReferenceId": 9, "Name": "api/prod", "Type": "client", "Edges": [_edge(STAGE, 4, faults=1)]}
    found = read_map(FakeGraph([*WINDOW, client]), start=END - timedelta(hours=1), end=END)
    node = next(node for node in found.nodes if node.type == "client")
    assert (node.requests, node.faults, node.p50_ms) == (4, 1, None)
    assert node.name in {edge.source for edge in found.edges}
    assert len({node.name for node in found.nodes}) == len(found.nodes)
    assert "0 errors, 1 faults" in found.svg()


def test_the_way_to_the_processor_leads_through_the_queue() -> None:
    """The edge that the trace draws past the queue is the same trip; the queue's edge has its faults and the waits."""
    found = read_map(FakeGraph(), start=END - timedelta(hours=1), end=END)
    assert {(edge.source, edge.target): (edge.requests, edge.faults, edge.p50_ms) for edge in found.edges} == {
        ("api/prod", "receiver"): (4, 0, None),
        ("receiver", "processing"): (4, 0, None),
        ("processing", "processor"): (6, 2, 2000.0),
    }


def test_without_links_the_edge_past_the_queue_stays() -> None:
    """Better a short cut than a processor that nobody calls."""
    unlinked = [{**service, "Edges": []} if service["ReferenceId"] == QUEUE else service for service in WINDOW]
    found = read_map(FakeGraph(unlinked), start=END - timedelta(hours=1), end=END)
    assert ("receiver", "processor") in {(e.source, e.target) for e in found.edges}


def test_windows_are_added_up() -> None:
    """A day is four questions; rates are over the whole of it."""
    reader = FakeGraph()
    found = read_map(reader, start=END - timedelta(days=1), end=END)
    assert len(reader.asked) == 4
    processor = next(node for node in found.nodes if node.name == "processor")
    assert (processor.requests, processor.per_minute) == (24, round(24 / 1440, 2))


def test_no_map_asks_for_more_than_x_ray_keeps() -> None:
    """Thirty days are 120 windows; rates are over these, not over the century that was asked for."""
    reader = FakeGraph()
    found = read_map(reader, start=datetime(1970, 1, 1, tzinfo=UTC), end=END)
    assert len(reader.asked) == 120
    assert found.start == END - timedelta(days=30)


def test_an_empty_map_names_the_reason() -> None:
    """Transaction Search hides the graph as it hides the traces."""
    with pytest.raises(NotFoundError, match="Transaction Search"):
        read_map(FakeGraph([]), start=END - timedelta(hours=1), end=END)


def test_the_drawing_holds_every_box_and_a_lane_around_what_lies_between() -> None:
    """An arrow over more than one column runs under the boxes between."""
    longer = [*WINDOW, _service(9, "table", "AWS::DynamoDB::Table", total=10)]
    longer[CODE] = {**WINDOW[CODE], "Edges": [*WINDOW[CODE]["Edges"], _edge(9, 4)]}
    longer[PROCESSOR_CODE] = {**WINDOW[PROCESSOR_CODE], "Edges": [_edge(9, 6)]}
    drawing = read_map(FakeGraph(longer), start=END - timedelta(hours=1), end=END).svg()
    assert drawing.count('class="box"') == 5
    assert drawing.count("marker-end") == 5
    assert drawing.count("H") >= 1
    assert sum('d="M' in line and "H" in line.split('d="')[1].split('"')[0] for line in drawing.splitlines()) == 1

"""One webhook's whole story on the deployed local environment: trace, audit, verification."""

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import Cli
from webhookctl.local.state import LocalEnvironment

pytestmark = pytest.mark.integration


def _eventually(found: Callable[[], Any], *, within_s: float = 30) -> Any:
    deadline = time.monotonic() + within_s
    while True:
        value = found()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.5)


@pytest.fixture(scope="module")
def story(deployed: Cli) -> str:
    """Send a webhook that fails twice and then passes; return its id once its audit lines are there."""
    report = deployed.json("send", "stripe", "--fail-times", "2", "--wait")
    webhook_id = str(report["timelines"][0]["webhook_id"])
    assert _eventually(lambda: len(deployed.json("audit", "query", "-w", webhook_id)) == 2)
    return webhook_id


def _attributes(environment: LocalEnvironment) -> dict[str, Any]:
    return {
        "region_name": environment.region,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "endpoint_url": environment.endpoint_url,
    }


def test_the_trace_shows_every_attempt_and_the_audit_lines(deployed: Cli, story: str) -> None:
    """Gateway, Lambda, receiver, queue, three attempts, two audit lines: one picture."""
    trace = deployed.json("trace", "show", story)["traces"][0]["trace"]
    names = [span["name"] for span in trace["spans"]]
    assert trace["attempts"] == 3
    assert trace["outcome"] == "processed"
    assert any("(API Gateway)" in name for name in names)
    assert any("(Lambda)" in name for name in names)
    assert {"verify", "store", "enqueue", "in the queue", "in the queue again", "audit-logger-local"} <= set(names)
    assert [name for name in names if name.startswith("audit line")] == [
        "audit line 1: RECEIVED",
        "audit line 2: PROCESSED",
    ]


def test_the_picture_holds_the_log_lines(deployed: Cli, story: str) -> None:
    """--logs puts the functions' lines between the bars."""
    code, text = deployed.code("trace", "show", story, "--logs")
    assert code == 0
    assert text.count("processor: ") == 3
    assert "receiver: " in text


def test_a_webhook_is_found_by_its_error_and_by_its_event(deployed: Cli, story: str) -> None:
    """`trace list --errors` and `trace find` agree on the trace."""
    rows = deployed.json("trace", "list", "--errors", "--since", "1h")
    row = next(row for row in rows if row["webhook_id"] == story)
    assert row["attempts"] == 3
    assert deployed.json("trace", "find", "--event-id", story.partition(":")[2]) == [row["trace_id"]]
    assert not any(
        r["webhook_id"] == story for r in deployed.json("trace", "list", "--slow", "10m", "--since", "1h") or []
    )


def test_a_webhook_delivered_again_has_all_its_traces_in_one_picture(deployed: Cli) -> None:
    """The second delivery has a trace of its own: both stand in the picture, and `trace find` names both."""
    webhook_id = str(deployed.json("send", "stripe", "--wait")["timelines"][0]["webhook_id"])
    deployed.json("events", "resend", webhook_id)
    ids = _eventually(lambda: (found := deployed.json("trace", "find", "-w", webhook_id))[1:] and found)
    told = deployed.json("trace", "show", webhook_id)
    assert [entry["trace"]["trace_id"] for entry in told["traces"]] == ids
    outcomes = [
        {span["annotations"].get("outcome") for span in entry["trace"]["spans"]} & {"accepted", "duplicate"}
        for entry in told["traces"]
    ]
    assert (outcomes, told["outcome"], told["notes"]) == ([{"accepted"}, {"duplicate"}], "processed", [])


def test_the_map_shows_the_stage_the_functions_and_their_faults(deployed: Cli, story: str, tmp_path: Path) -> None:
    """Who calls whom, and a drawing of it."""
    del story
    drawing = tmp_path / "map.svg"
    found = deployed.json("trace", "map", "--svg", str(drawing))
    types = {node["type"] for node in found["nodes"]}
    assert {"client", "AWS::ApiGateway::Stage", "AWS::Lambda", "AWS::DynamoDB::Table"} <= types
    edges = {(edge["source"], edge["target"]) for edge in found["edges"]}
    receiver, queue, processor = "webhook-receiver-local", "webhook-processing-local", "payment-processor-local"
    assert (receiver, queue) in edges
    assert (queue, processor) in edges
    assert any(edge["faults"] for edge in found["edges"])
    assert drawing.read_text().startswith("<svg")


def test_the_audit_log_is_queried_by_every_filter(deployed: Cli, story: str) -> None:
    """Filters narrow; what they leave out is not returned, whichever the engine honours."""
    of_it = deployed.json("audit", "query", "--provider", "stripe", "--status", "PROCESSED", "--actor", "processor")
    assert story in {record["webhook_id"] for record in of_it}
    assert {record["status"] for record in of_it} == {"PROCESSED"}
    assert {record["actor"] for record in of_it} == {"processor"}
    assert deployed.json("audit", "query", "-w", story, "--provider", "square") == []
    assert len(deployed.json("audit", "query", "-w", story, "--limit", "1")) == 1
    insights = deployed.json("audit", "query", "-w", story, "--insights")
    assert [record["seq"] for record in insights] == [1, 2]


def test_the_timeline_tells_what_each_write_changed(deployed: Cli, story: str) -> None:
    """From RECEIVED to PROCESSED, field by field."""
    first, second = deployed.json("audit", "show", story)["steps"]
    assert first["actor"] == "receiver"
    assert "status: RECEIVED → PROCESSED" in second["changed"]
    assert "attempts: 0 → 3" in second["changed"]


def test_a_row_changed_behind_the_log_is_found(deployed: Cli, story: str, local_environment: LocalEnvironment) -> None:
    """Verify passes, then names the row that somebody wrote around the project: exit 7."""
    del story
    report = deployed.json("send", "stripe", "--wait")
    victim = str(report["timelines"][0]["webhook_id"])
    assert _eventually(lambda: len(deployed.json("audit", "query", "-w", victim)) == 2)
    assert deployed.code("audit", "verify", "-w", victim)[0] == 0
    dynamodb = boto3.client("dynamodb", **_attributes(local_environment))
    table = deployed.json("outputs")["TableName"]
    dynamodb.update_item(
        TableName=table,
        Key={"webhookId": {"S": victim}},
        UpdateExpression="SET amountMinor = :a",
        ExpressionAttributeValues={":a": {"N": "1"}},
    )
    code, text = deployed.code("audit", "verify", "-w", victim, "-o", "json")
    assert code == 7
    assert {finding["finding"] for finding in json.loads(text)["findings"]} == {"row_changed_without_record"}
    dynamodb.delete_item(TableName=table, Key={"webhookId": {"S": victim}})


def test_a_checkpoint_is_written_and_holds(deployed: Cli, story: str, tmp_path: Path) -> None:
    """It is sealed, and the log of a minute later still contains it."""
    del story
    file = tmp_path / "head.json"
    written = deployed.json("audit", "checkpoint", str(file))
    assert written["fingerprint"] == json.loads(json.dumps(written))["fingerprint"]
    assert len(hashlib.sha256(file.read_bytes()).hexdigest()) == len(written["fingerprint"])
    code, text = deployed.code("audit", "verify", "--checkpoint", str(file), "-o", "json")
    assert code in (0, 7)  # other tests may have attacked the table
    assert json.loads(text)["checkpoint"].startswith("holds")


def test_the_audit_log_is_exported_as_sealed_and_as_csv(deployed: Cli, story: str, tmp_path: Path) -> None:
    """The JSON lines verify like the live log; CSV has a row for each of them. A file that can't be made: exit 2."""
    file = tmp_path / "audit.jsonl"
    assert deployed.code("audit", "export", "-w", story, "--file", str(file))[0] == 0
    assert [json.loads(line)["seq"] for line in _read(file)] == [1, 2]
    assert deployed.code("audit", "verify", "-w", story, "--log-file", str(file))[0] == 0
    file.write_text(file.read_text().replace('"attempts":3', '"attempts":1'))
    assert deployed.code("audit", "verify", "-w", story, "--log-file", str(file))[0] == 7
    _, text = deployed.code("audit", "export", "-w", story, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["webhookId"], row["status"]) for row in rows] == [(story, "RECEIVED"), (story, "PROCESSED")]
    assert deployed.code("audit", "export", "--file", str(tmp_path / "no" / "file"))[0] == 2


def test_every_source_is_merged_by_time_and_grep_narrows(deployed: Cli, story: str) -> None:
    """The gateway's, the firewall's and the functions' lines in one stream."""
    _, text = deployed.code(
        "logs", "tail", "receiver", "processor", "audit", "api", "waf", "--since", "1h", "-o", "jsonl"
    )
    lines = [json.loads(line) for line in text.splitlines()]
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    assert times == sorted(times)
    assert {"receiver", "processor", "audit", "api"} <= {line["source"] for line in lines}
    _, text = deployed.code("logs", "tail", "--since", "1h", "--grep", story, "-o", "jsonl")
    found = [json.loads(line) for line in text.splitlines()]
    assert [line["source"] for line in found].count("processor") == 3
    assert all(story in line["message"] for line in found)


@pytest.mark.parametrize("command", [("logs", "tail", "-f"), ("audit", "query", "-f")])
def test_following_begins_with_what_is_there_and_ends_with_a_signal(
    deployed: Cli, story: str, command: tuple[str, ...]
) -> None:
    """Lines come as they are found, unbuffered; Ctrl-C ends it without a traceback."""
    words = [sys.executable, "-m", "webhookctl", *command, "--since", "1h", "-o", "jsonl"]
    environment = {**os.environ, "WEBHOOKCTL_HOME": str(deployed.home)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert any(story in line for line in running.stdout)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=30)
    assert (running.returncode, errors) == (130, "")


def test_an_incident_export_holds_the_story(deployed: Cli, story: str, tmp_path: Path) -> None:
    """A folder: audit, logs, the failed trace, metrics with plots, alarms, timeline; and no address of a sender."""
    folder = tmp_path / "incident"
    received_at = datetime.fromisoformat(deployed.json("events", "show", story)["received_at"])
    since = received_at - timedelta(seconds=2)  # the timeline keeps to a few hundred lines
    told = deployed.json("incident", "export", str(folder), "--since", since.isoformat())
    assert story in {json.loads(line)["webhookId"] for line in _read(folder / "audit.jsonl") if "webhookId" in line}
    assert {path.name for path in (folder / "logs").iterdir()} == {
        f"{whose}.jsonl" for whose in ("receiver", "processor", "audit", "api", "waf")
    }
    retries = [json.loads(line) for line in _read(folder / "logs" / "processor.jsonl") if story in line]
    assert {line["outcome"] for line in retries} == {"retried", "processed"}
    trace_id = next(row["trace_id"] for row in map(json.loads, _read(folder / "traces.jsonl")) if story in str(row))
    assert json.loads((folder / "traces" / f"{trace_id}.json").read_text())
    assert told["alarms"] == len(json.loads((folder / "alarms.json").read_text())) > 0
    assert json.loads((folder / "metrics.json").read_text())["processor invocations"]
    assert (folder / "plots" / "processor-invocations.svg").read_text().startswith("<svg")
    timeline = (folder / "timeline.md").read_text()
    assert f"| retried: injected | {story} |" in timeline
    assert "(plots/processor-invocations.svg)" in timeline
    access = [json.loads(line)["sourceIp"] for line in _read(folder / "logs" / "api.jsonl")]
    assert {address.rpartition(".")[2] for address in access} == {"0"}
    code, _ = deployed.code("incident", "export", str(folder))
    assert code == 2


def test_an_incident_archive_holds_the_same(deployed: Cli, story: str, tmp_path: Path) -> None:
    """One .tar.gz with one folder in it."""
    del story
    path = tmp_path / "incident.tar.gz"
    assert deployed.json("incident", "export", str(path), "--since", "1h")["path"] == str(path)
    with tarfile.open(path) as archive:
        names = archive.getnames()
    assert {f"incident/{name}" for name in ("audit.jsonl", "timeline.md", "alarms.json", "logs/api.jsonl")} <= {*names}


def _read(path: Path) -> list[str]:
    return path.read_text().splitlines()

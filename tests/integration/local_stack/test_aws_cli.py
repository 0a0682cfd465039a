"""The AWS CLI, version 2, on the local environment: what people type to watch a stack works there too."""

import json
import os
import platform
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from webhookctl.local.state import LocalEnvironment, client_variables

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"),
        reason="the packaged AWS CLI is for Linux on x86",
    ),
]


@pytest.fixture(scope="module")
def sent(deployed: Cli) -> str:
    """Send a webhook and return its id once it is processed."""
    return str(deployed.json("send", "stripe", "--wait")["timelines"][0]["webhook_id"])


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the AWS CLI from the package that holds it for Lambda layers."""
    folder = tmp_path_factory.mktemp("aws-cli")
    (archive,) = (file for file in files("aws-cdk-asset-awscli-v2") or () if file.name.endswith(".tgz"))
    with tarfile.open(Path(str(archive.locate()))) as packed:
        packed.extract("package/lib/layer.zip", folder, filter="data")
    with zipfile.ZipFile(folder / "package/lib/layer.zip") as layer:
        for name in layer.namelist():
            if "/dist/" in name:
                layer.extract(name, folder)
    (program,) = folder.glob("awscli/v2/*/dist/aws")
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def aws_text(
    deployed: Cli, local_environment: LocalEnvironment, executable: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., str]:
    """Run the AWS CLI as `eval "$(webhookctl local env)"` sets it up; return what it prints."""
    del deployed
    home = tmp_path_factory.mktemp("aws-home")
    environment = {**os.environ, **client_variables(local_environment), "HOME": str(home), "AWS_PAGER": ""}

    def run(*words: str) -> str:
        done = subprocess.run([executable, *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def aws(aws_text: Callable[..., str]) -> Callable[..., Any]:
    """Run the AWS CLI and return its JSON."""
    return lambda *words: json.loads(aws_text(*words, "--output", "json"))


def test_the_aws_cli_reads_trace_summaries(aws: Callable[..., Any], sent: str) -> None:
    """`aws xray get-trace-summaries` with a filter expression."""
    now = int(time.time())
    found = aws(
        "xray",
        "get-trace-summaries",
        "--start-time",
        str(now - 3600),
        "--end-time",
        str(now + 60),
        "--filter-expression",
        f'annotation.webhook_id = "{sent}"',
    )
    assert len(found["TraceSummaries"]) == 1
    trace_id = found["TraceSummaries"][0]["Id"]
    whole = aws("xray", "batch-get-traces", "--trace-ids", trace_id)
    assert len(whole["Traces"][0]["Segments"]) >= 6


def test_the_aws_cli_tails_the_functions_logs(aws_text: Callable[..., str], sent: str) -> None:
    """`aws logs tail` prints the function's lines, newest last."""
    lines = aws_text("logs", "tail", "/aws/lambda/webhook-receiver-local", "--since", "1h", "--format", "short")
    assert sent in lines


def test_the_aws_cli_counts_the_queues_messages(aws: Callable[..., Any], deployed: Cli) -> None:
    """`aws sqs get-queue-attributes` with the queue's URL as the stack's outputs tell it."""
    url = deployed.json("outputs")["DeadLetterQueueUrl"]
    found = aws("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "ApproximateNumberOfMessages")
    assert int(found["Attributes"]["ApproximateNumberOfMessages"]) >= 0


def test_the_aws_cli_scans_the_table(aws: Callable[..., Any], sent: str) -> None:
    """`aws dynamodb scan` by the table name that the stack promises."""
    found = aws("dynamodb", "scan", "--table-name", "PaymentWebhooks-local")
    assert sent in {item["webhookId"]["S"] for item in found["Items"]}


def test_the_aws_cli_describes_the_stack(aws: Callable[..., Any], sent: str) -> None:
    """`aws cloudformation describe-stacks` gives the endpoint."""
    del sent
    found = aws("cloudformation", "describe-stacks", "--stack-name", "TapStacklocal")
    assert "APIEndpoint" in {output["OutputKey"] for output in found["Stacks"][0]["Outputs"]}

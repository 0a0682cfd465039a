"""The types that the engine's CloudFormation is taught, seen through its public endpoint."""

import json
from typing import Any

import pytest

from tests.integration.local import shape
from webhookctl.local.state import LocalEnvironment
from webhookctl.local.xray.sampling import rules_file

pytestmark = pytest.mark.integration


def _template(addresses: list[str]) -> dict[str, Any]:
    sampling = {"RuleName": "r", "Priority": 1, "Version": 1, "FixedRate": 1, "ReservoirSize": 1}
    return {
        "Resources": {
            "Set": {
                "Type": "AWS::WAFv2::IPSet",
                "Properties": {"Scope": "REGIONAL", "IPAddressVersion": "IPV4", "Addresses": addresses},
            },
            "Rule": {"Type": "AWS::XRay::SamplingRule", "Properties": {"SamplingRule": sampling}},
            "Log": {
                "Type": "AWS::WAFv2::LoggingConfiguration",
                "Properties": {"ResourceArn": {"Fn::GetAtt": ["Set", "Arn"]}, "LogDestinationConfigs": ["arn:x"]},
            },
        }
    }


def _addresses(environment: LocalEnvironment) -> list[list[str]]:
    wafv2 = shape.client(environment, "wafv2")
    listed = wafv2.list_ip_sets(Scope="REGIONAL")["IPSets"]
    return [
        wafv2.get_ip_set(Name=s["Name"], Id=s["Id"], Scope="REGIONAL")["IPSet"]["Addresses"]
        for s in listed
        if s["Name"].startswith("taught-")
    ]


def test_an_ip_set_of_the_template_is_the_firewalls(shape_environment: LocalEnvironment) -> None:
    """It is made, changed and deleted with the stack, and so is the sampling rule; the log is accepted."""
    cloudformation = shape.client(shape_environment, "cloudformation")
    cloudformation.create_stack(StackName="taught", TemplateBody=json.dumps(_template(["192.0.2.0/24"])))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="taught", WaiterConfig={"Delay": 1})
    assert _addresses(shape_environment) == [["192.0.2.0/24"]]
    rules = rules_file(shape_environment.root)
    assert list(json.loads(rules.read_text())) == ["r"]
    cloudformation.update_stack(StackName="taught", TemplateBody=json.dumps(_template(["198.51.100.0/24"])))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="taught", WaiterConfig={"Delay": 1})
    assert _addresses(shape_environment) == [["198.51.100.0/24"]]
    cloudformation.delete_stack(StackName="taught")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="taught", WaiterConfig={"Delay": 1})
    assert _addresses(shape_environment) == []
    assert json.loads(rules.read_text()) == {}

"""Resource types that the engine's CloudFormation does not know: a template that holds one would be refused whole.

Each is registered from outside, like the patches. IP sets become the engine's own, which the firewall's model reads.
Sampling rules go into a file that the front door decides by. Logging configurations are remembered by CloudFormation
alone: the front door writes the firewall's log by itself.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

from webhookctl.local.engine.patches import Wire
from webhookctl.local.xray import sampling as xray_sampling


def register() -> None:
    """Teach the engine's CloudFormation the types. Call after the patches, which check the engine's version."""
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS["AWS::WAFv2::IPSet"] = {
        "create": _create_ip_set,
        "update": _update_ip_set,
        "delete": _delete_ip_set,
    }
    provisioners._RESOURCE_HANDLERS["AWS::XRay::SamplingRule"] = {
        "create": _create_sampling_rule,
        "update": _update_sampling_rule,
        "delete": _delete_sampling_rule,
    }
    for resource_type, arn in _REMEMBERED.items():
        provisioners._RESOURCE_HANDLERS[resource_type] = _remembered(arn)


_REMEMBERED: Final = {
    "AWS::WAFv2::LoggingConfiguration": "ResourceArn",
}
"""Type -> the property that CloudFormation uses as the physical id."""


def _remembered(id_property: str) -> dict[str, Any]:
    def create(_logical_id: str, props: Wire, _stack: str) -> tuple[str, Wire]:
        value: Any = props
        for name in id_property.split("."):
            value = value[name]
        return str(value), {}

    def update(_physical_id: str, _old: Wire, new: Wire, *_: object, **__: object) -> tuple[str, Wire]:
        return create("", new, "")

    return {"create": create, "update": update, "delete": lambda _physical_id, _props: None}


def _create_sampling_rule(_logical_id: str, props: Wire, _stack: str) -> tuple[str, Wire]:
    rule = props["SamplingRule"]
    xray_sampling.remember(_rules_file(), rule["RuleName"], rule)
    return str(rule["RuleName"]), {}


def _update_sampling_rule(physical_id: str, _old: Wire, new: Wire, *_: object, **__: object) -> tuple[str, Wire]:
    if physical_id != new["SamplingRule"]["RuleName"]:
        _delete_sampling_rule(physical_id, {})
    return _create_sampling_rule("", new, "")


def _delete_sampling_rule(physical_id: str, _props: Wire) -> None:
    xray_sampling.remember(_rules_file(), physical_id, None)


def _rules_file() -> Path:
    """Return where the front door looks; the engine keeps its state in a subfolder of the environment."""
    return xray_sampling.rules_file(Path(os.environ["STATE_DIR"]).parent)


def _create_ip_set(logical_id: str, props: Wire, stack: str) -> tuple[str, Wire]:
    from ministack.services import waf

    named = {"Name": f"{stack}-{logical_id}", **props}
    status, _headers, body = waf._create_ip_set(named)
    answer = json.loads(body)
    if status != 200:  # noqa: PLR2004 - HTTP's OK
        raise ValueError(answer.get("message", "the IP set could not be made"))
    summary = answer["Summary"]
    return f"{summary['Name']}|{summary['Id']}|{props['Scope']}", {"Arn": summary["ARN"], "Id": summary["Id"]}


def _update_ip_set(physical_id: str, _old: Wire, new: Wire, *_: object, **__: object) -> tuple[str, Wire]:
    from ministack.services import waf

    _name, uid, scope = physical_id.split("|")
    kept = waf._resource_from_scope(waf._ip_sets, uid, scope)
    kept["Addresses"] = new["Addresses"]
    return physical_id, {"Arn": kept["ARN"], "Id": uid}


def _delete_ip_set(physical_id: str, _props: Wire) -> None:
    from ministack.services import waf

    _name, uid, scope = physical_id.split("|")
    kept = waf._resource_from_scope(waf._ip_sets, uid, scope)
    if kept is not None:
        waf._delete_ip_set({"Id": uid, "Scope": scope, "LockToken": kept["LockToken"]})

"""Trace summaries and whole traces in the X-Ray API's shape."""

import json
from typing import Any

from webhookctl.local.xray.store import StoredTrace
from webhookctl.local.xray.view import CauseService, Node, Scalar, TraceView

_CAUSE_FIELDS = {
    "FaultRootCauses": "fault",
    "ErrorRootCauses": "error",
    "ResponseTimeRootCauses": "responsetime",
}


def summarise(view: TraceView) -> dict[str, Any]:
    """Return the TraceSummary of a trace."""
    root = view.root
    summary: dict[str, Any] = {
        "Id": view.trace_id,
        "StartTime": view.start,
        "Duration": round(view.duration, 6),
        "IsPartial": view.partial,
        "HasFault": bool(root and root.outcome.fault),
        "HasError": bool(root and root.outcome.error),
        "HasThrottle": bool(root and root.outcome.throttle),
        "Http": _http(root) if root else {},
        "Annotations": {key: _values(view, values) for key, values in view.annotations.items()},
        "Users": [{"UserName": user, "ServiceIds": [service_id(node)]} for node in view.nodes for user in node.users],
        "ServiceIds": _distinct(view.nodes),
        "ResourceARNs": [{"ARN": arn} for arn in sorted({a for node in view.nodes for a in node.arns})],
        "InstanceIds": [{"Id": i} for i in sorted({i for node in view.nodes for i in node.instances})],
        "AvailabilityZones": [{"Name": z} for z in sorted({z for node in view.nodes for z in node.zones})],
        "Revision": view.revision,
        **{field: [_cause(view.causes[kind])] for field, kind in _CAUSE_FIELDS.items() if kind in view.causes},
    }
    if root is not None:
        summary["EntryPoint"] = service_id(root)
        if not root.outcome.in_progress:
            summary["ResponseTime"] = round(root.end - root.start, 6)
    return summary


def whole(stored: StoredTrace, view: TraceView) -> dict[str, Any]:
    """Return the Trace of BatchGetTraces: segments with their independent subsegments put back inside."""
    return {
        "Id": stored.trace_id,
        "Duration": round(view.duration, 6),
        "LimitExceeded": stored.limit_exceeded,
        "Segments": [{"Id": d["id"], "Document": json.dumps(d)} for d in _embedded(stored)],
    }


def service_id(node: Node) -> dict[str, Any]:
    """Return the ServiceId of a node."""
    found: dict[str, Any] = {"Name": node.name, "Names": [node.name]}
    if node.account_id:
        found["AccountId"] = node.account_id
    if node.type:
        found["Type"] = node.type
    return found


def _distinct(nodes: tuple[Node, ...]) -> list[dict[str, Any]]:
    return list({(node.name, node.type): service_id(node) for node in nodes}.values())


def _http(root: Node) -> dict[str, Any]:
    names = {"url": "HttpURL", "status": "HttpStatus", "method": "HttpMethod"}
    names |= {"user_agent": "UserAgent", "client_ip": "ClientIp"}
    return {names[name]: value for name, value in root.http.items() if name in names}


def _values(view: TraceView, values: tuple[tuple[Scalar, int | None], ...]) -> list[dict[str, Any]]:
    return [
        {
            "AnnotationValue": _annotation_value(value),
            "ServiceIds": [service_id(view.nodes[index])] if index is not None else [],
        }
        for value, index in values
    ]


def _annotation_value(value: Scalar) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    if isinstance(value, int | float):
        return {"NumberValue": value}
    return {"StringValue": value}


def _cause(services: tuple[CauseService, ...]) -> dict[str, Any]:
    return {
        "ClientImpacting": True,
        "Services": [
            {
                "Name": service.name,
                "Names": [service.name],
                "Type": service.type,
                "Inferred": service.inferred,
                "EntityPath": [
                    {
                        "Name": entity.name,
                        "Remote": entity.remote,
                        "Coverage": entity.coverage,
                        "Exceptions": [{"Name": name, "Message": message} for name, message in entity.exceptions],
                    }
                    for entity in service.entities
                ],
            }
            for service in services
        ],
    }


def _embedded(stored: StoredTrace) -> list[dict[str, Any]]:
    """Put each independent subsegment into its parent, as BatchGetTraces returns them; orphans stay on their own."""
    documents = [json.loads(json.dumps(document)) for document in stored.documents]
    by_id: dict[str, dict[str, Any]] = {}
    for document in documents:
        _index(document, by_id)
    roots = []
    for document in documents:
        parent = by_id.get(str(document.get("parent_id"))) if document.get("type") == "subsegment" else None
        if parent is None or parent is document:
            roots.append(document)
        else:
            parent.setdefault("subsegments", []).append(document)
    return roots


def _index(document: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> None:
    by_id[str(document.get("id"))] = document
    for child in document.get("subsegments") or ():
        _index(child, by_id)

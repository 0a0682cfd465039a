"""Decide whether a trace satisfies a filter expression.

A comparison with something that is not set is false. Where a keyword has several values in one trace, `=` and the
string operators ask whether any of them satisfies, `!=` whether none equals.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import ge, gt, le, lt

from webhookctl.local.xray.expression import (
    And,
    Annotation,
    Edge,
    Expression,
    Not,
    Or,
    RootCause,
    Selector,
    Service,
    Test,
    Value,
)
from webhookctl.local.xray.view import CauseService, Node, Outcome, TraceView

Values = tuple[Value, ...]

_ORDER: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": str.__contains__,
    "beginswith": str.startswith,
    "endswith": str.endswith,
}


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the keywords of an expression speak about; a keyword that is absent is not set."""

    values: dict[str, Values] = field(default_factory=dict)


def matches(view: TraceView, expression: Expression | None) -> bool:
    """Return whether a trace satisfies an expression (None: all do)."""
    return expression is None or _holds(expression, _trace(view), view)


def _holds(expression: Expression, subject: _Subject, view: TraceView) -> bool:
    match expression:
        case And(terms):
            return all(_holds(term, subject, view) for term in terms)
        case Or(terms):
            return any(_holds(term, subject, view) for term in terms)
        case Not(term):
            return not _holds(term, subject, view)
        case Test(keyword, operator, value):
            return _compare(subject.values.get(keyword, ()), operator, value)
        case Annotation(key, operator, value):
            return _annotation(view, key, operator, value)
        case _:
            return _complex(expression, view)


def _complex(expression: Service | Edge | RootCause, view: TraceView) -> bool:
    subjects: Iterable[_Subject]
    match expression:
        case Service(selector, inner):
            subjects = (_node(n, view) for n in view.nodes if _selected(n, selector))
        case Edge(source, target, inner):
            subjects = (
                _call(edge.outcome, edge.end - edge.start, view.nodes[edge.target])
                for edge in view.edges
                if _selected(view.nodes[edge.source], source) and _selected(view.nodes[edge.target], target)
            )
        case RootCause(kind, part, inner):
            subjects = _cause(view.causes.get(kind, ()), part)
    return any(inner is None or _holds(inner, subject, view) for subject in subjects)


def _compare(values: Values, operator: str | None, wanted: Value | None) -> bool:
    if operator is None or wanted is None:
        return any(value is not False for value in values)
    if operator == "!=":
        return bool(values) and all(value != wanted for value in values)
    return any(_one(value, operator, wanted) for value in values)


def _one(value: Value, operator: str, wanted: Value) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return operator == "=" and value is wanted
    if isinstance(value, str) and isinstance(wanted, str):
        return value == wanted if operator == "=" else operator in _TEXT and _TEXT[operator](value, wanted)
    if isinstance(value, str) or isinstance(wanted, str):
        return False
    return value == wanted if operator == "=" else operator in _ORDER and _ORDER[operator](value, wanted)


def _annotation(view: TraceView, key: str, operator: str | None, wanted: Value | None) -> bool:
    return _compare(tuple(value for value, _ in view.annotations.get(key, ())), operator, wanted)


def _selected(node: Node, selector: Selector) -> bool:
    return (
        selector.name in (None, node.name)
        and selector.type in (None, node.type)
        and selector.account_id in (None, node.account_id)
    )


def _outcome(outcome: Outcome) -> dict[str, Values]:
    return {
        "ok": (outcome.ok,),
        "error": (outcome.error,),
        "throttle": (outcome.throttle,),
        "fault": (outcome.fault,),
        "partial": (outcome.in_progress,),
    }


def _trace(view: TraceView) -> _Subject:
    root = view.root
    values = _node(root, view).values if root else {}
    return _Subject(
        {
            **values,
            "duration": (view.duration,),
            "partial": (view.partial,),
            "inferred": (any(node.inferred for node in view.nodes),),
            "name": tuple(node.name for node in view.nodes),
            "type": tuple(node.type for node in view.nodes if node.type),
            "user": _all(node.users for node in view.nodes),
            "availabilityzone": _all(node.zones for node in view.nodes),
            "instance.id": _all(node.instances for node in view.nodes),
            "resource.arn": _all(node.arns for node in view.nodes),
        }
    )


def _all(groups: Iterable[tuple[str, ...]]) -> Values:
    return tuple(value for group in groups for value in group)


def _node(node: Node, view: TraceView) -> _Subject:
    seconds = max(node.end - node.start, 0.0)
    http = {
        "http.url": node.http.get("url"),
        "http.method": node.http.get("method"),
        "http.useragent": node.http.get("user_agent"),
        "http.clientip": node.http.get("client_ip"),
        "http.status": node.http.get("status"),
    }
    return _Subject(
        {
            **_outcome(node.outcome),
            **{keyword: (value,) for keyword, value in http.items() if value is not None},
            "responsetime": () if node.outcome.in_progress else (seconds,),
            "duration": (seconds,),
            "inferred": (node.inferred,),
            "root": (node.root,),
            "first": (node is view.nodes[0],),
            "last": (node is view.nodes[-1],),
            "index": (float(view.nodes.index(node)),),
            "name": (node.name,),
            "type": (node.type,) if node.type else (),
            "user": node.users,
            "availabilityzone": node.zones,
            "instance.id": node.instances,
            "resource.arn": node.arns,
        }
    )


def _call(outcome: Outcome, seconds: float, target: Node) -> _Subject:
    status: Values = () if outcome.status is None else (float(outcome.status),)
    return _Subject(
        {
            **_outcome(outcome),
            "responsetime": (seconds,),
            "duration": (seconds,),
            "http.status": status,
            "inferred": (target.inferred,),
            "name": (target.name,),
            "type": (target.type,) if target.type else (),
        }
    )


def _cause(services: tuple[CauseService, ...], part: str) -> list[_Subject]:
    if part == "service":
        rows: list[dict[str, Values]] = [
            {"name": (s.name,), "type": (s.type,) if s.type else (), "inferred": (s.inferred,)} for s in services
        ]
    elif part == "entity":
        rows = [
            {"name": (e.name,), "remote": (e.remote,), "coverage": (e.coverage,)} for s in services for e in s.entities
        ]
    else:
        pairs = [pair for s in services for e in s.entities for pair in e.exceptions]
        rows = [{"name": (name,), "message": (message,)} for name, message in pairs]
    last = len(rows) - 1
    return [
        _Subject({**row, "index": (float(at),), "first": (at == 0,), "last": (at == last,)})
        for at, row in enumerate(rows)
    ]

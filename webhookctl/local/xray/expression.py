"""The tree of an AWS X-Ray filter expression, and the vocabulary it is made of."""

from dataclasses import dataclass

BOOLEANS = frozenset({"ok", "error", "throttle", "fault", "partial", "inferred", "first", "last", "remote", "root"})
NUMBERS = frozenset({"responsetime", "duration", "http.status", "index", "coverage"})
STRINGS = frozenset(
    {
        "http.url",
        "http.method",
        "http.useragent",
        "http.clientip",
        "user",
        "name",
        "type",
        "message",
        "availabilityzone",
        "instance.id",
        "resource.arn",
    }
)
NUMBER_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})
STRING_OPERATORS = frozenset({"=", "!=", "contains", "beginswith", "endswith"})
ROOT_CAUSE_KINDS = frozenset({"fault", "error", "responsetime"})
ROOT_CAUSE_PARTS = frozenset({"service", "entity", "exception"})

Value = str | float | bool
"""What a keyword is compared with."""


class FilterError(ValueError):
    """The expression is not in the language; the message says where."""


@dataclass(frozen=True, slots=True)
class And:
    """All terms hold."""

    terms: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one term holds."""

    terms: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: "Expression"


@dataclass(frozen=True, slots=True)
class Test:
    """A keyword compared with a value, or alone (`operator` None): true when it is true or set."""

    keyword: str
    operator: str | None = None
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation of any segment of the trace, compared or alone."""

    key: str
    operator: str | None = None
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """Which services are meant; None matches any."""

    name: str | None = None
    type: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A segment by a selected service satisfies the filter."""

    selector: Selector
    filter: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection between two selected services satisfies the filter."""

    source: Selector
    target: Selector
    filter: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class RootCause:
    """An element of a root cause satisfies the filter. `kind`: fault, error or responsetime."""

    kind: str
    part: str
    filter: "Expression | None" = None


Expression = And | Or | Not | Test | Annotation | Service | Edge | RootCause

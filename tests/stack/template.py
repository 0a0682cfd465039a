"""Questions that the tests ask a synthesised template. A missing or ambiguous resource fails the test."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """A CloudFormation template as plain JSON."""

    body: Mapping[str, Any]

    def resources(self, resource_type: str) -> dict[str, Mapping[str, Any]]:
        """Return the resources of a type by logical id."""
        return {name: r for name, r in self.body["Resources"].items() if r["Type"] == resource_type}

    def all(self, resource_type: str) -> list[Properties]:
        """Return the properties of every resource of a type."""
        return [r.get("Properties", {}) for r in self.resources(resource_type).values()]

    def one(self, resource_type: str, **wanted: object) -> Properties:
        """Return the properties of the one resource of a type whose properties have these values."""
        found = [p for p in self.all(resource_type) if all(p.get(name) == value for name, value in wanted.items())]
        assert len(found) == 1, f"{len(found)} of {resource_type} with {wanted}"
        return found[0]

    def id_of(self, resource_type: str, **wanted: object) -> str:
        """Return the logical id of the one resource of a type whose properties have these values."""
        properties = self.one(resource_type, **wanted)
        return next(name for name, r in self.resources(resource_type).items() if r.get("Properties") is properties)

    def alarm(self, name: str) -> Properties:
        """Return the alarm of that name."""
        return self.one("AWS::CloudWatch::Alarm", AlarmName=name)

    def function(self, name: str) -> Properties:
        """Return the function of that name."""
        return self.one("AWS::Lambda::Function", FunctionName=name)

    def statements(self, function_name: str) -> dict[str, Properties]:
        """Return the statements of a function's one managed policy by Sid."""
        role = self.function(function_name)["Role"]["Fn::GetAtt"][0]
        (policy,) = self.body["Resources"][role]["Properties"]["ManagedPolicyArns"]
        document = self.body["Resources"][policy["Ref"]]["Properties"]["PolicyDocument"]
        return {statement["Sid"]: statement for statement in document["Statement"]}


def flatten(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every leaf of a JSON value with its dotted path."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from flatten(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from flatten(item, f"{path}[{index}]")
    else:
        yield path, value

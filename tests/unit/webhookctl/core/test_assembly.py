"""Plans of deployments."""

from pathlib import Path
from typing import Any

from webhookctl.core.assembly import Assembly, plan_changes

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "a"}}


def plan(old: dict[str, Any] | None, new: dict[str, Any]) -> Any:
    """Plan from one set of resources to another."""
    assembly = Assembly(folder=Path(), stack_name="TapStackdev", template={"Resources": new})
    return plan_changes("dev", assembly, None if old is None else {"Resources": old})


def test_alike_templates_leave_nothing_to_do() -> None:
    """The same resources and outputs: an empty plan."""
    assert plan({"T": TABLE}, {"T": TABLE}).is_empty


def test_a_missing_stack_is_never_nothing_to_do() -> None:
    """Even without resources."""
    assert not plan(None, {}).is_empty


def test_a_change_names_the_properties_that_differ() -> None:
    """Properties by name, other members too."""
    new = {"T": {"Type": TABLE["Type"], "Properties": {"TableName": "b"}, "DeletionPolicy": "Retain"}}
    (change,) = plan({"T": TABLE}, new).changes
    assert (change.action, change.details) == ("change", ("DeletionPolicy", "TableName"))


def test_removing_a_table_loses_data() -> None:
    """Stateful types are marked when they go."""
    (change,) = plan({"T": TABLE}, {}).changes
    assert change.loses_data

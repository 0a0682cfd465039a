"""The audit log's lines as records that a person reads."""

from tests.fakes_audit import grown
from webhookctl.core.audit.records import parse


def test_what_a_failure_changed_is_told_in_words() -> None:
    """The error as class and message, a flag as JSON has it; nothing as Python writes it."""
    world = grown(["evt_1"])
    failed, processed = (parse(event) for event in world.log[1:])
    assert failed is not None
    assert processed is not None
    assert "lastError: - → ProcessingError: injected" in failed.changed
    assert "lastError: ProcessingError: injected → -" in processed.changed

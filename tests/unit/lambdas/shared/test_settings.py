"""Settings report every fault at once."""

import pytest

from lambdas.shared.settings import AuditSettings, ProcessorSettings, ReceiverSettings, SettingsError

RECEIVER = {
    "ENVIRONMENT": "dev",
    "TABLE_NAME": "t",
    "QUEUE_URL": "q",
    "STRIPE_SECRET_ARN": "s",
    "PAYPAL_SECRET_ARN": "p",
    "SQUARE_SECRET_ARN": "u",
    "ALLOW_TEST_CA": "false",
    "MAX_BODY_BYTES": "262144",
    "RETENTION_DAYS": "90",
    "REFUSE_OUTLIVED": "true",
}


def test_a_complete_environment_is_read() -> None:
    """Every variable reaches its field."""
    settings = ReceiverSettings.from_environ({**RECEIVER, "LOG_LEVEL": "WARN"})
    assert settings.secret_arns == {"stripe": "s", "paypal": "p", "square": "u"}
    assert (settings.allow_test_ca, settings.max_body_bytes, settings.log_level) == (False, 262144, "WARN")


def test_all_faults_are_reported_together() -> None:
    """One error names every variable that is missing or wrong."""
    with pytest.raises(SettingsError) as caught:
        ReceiverSettings.from_environ({**RECEIVER, "TABLE_NAME": "", "ALLOW_TEST_CA": "yes", "RETENTION_DAYS": "-1"})
    assert str(caught.value) == (
        "TABLE_NAME is not set (a text); ALLOW_TEST_CA must be true or false; RETENTION_DAYS must not be negative"
    )


def test_an_absent_flag_is_a_fault() -> None:
    """No default decides whether a test CA or an injected failure is allowed."""
    environ = {name: value for name, value in RECEIVER.items() if name != "ALLOW_TEST_CA"}
    with pytest.raises(SettingsError, match="ALLOW_TEST_CA is not set"):
        ReceiverSettings.from_environ(environ)


def test_every_function_names_its_missing_variables() -> None:
    """Processor and audit logger refuse an empty environment."""
    with pytest.raises(SettingsError, match="MAX_RECEIVE_COUNT is not set"):
        ProcessorSettings.from_environ({})
    with pytest.raises(SettingsError, match="AUDIT_KEY_ARN is not set"):
        AuditSettings.from_environ({})

import pytest

from stack.settings import SettingsError, settings_for


def test_an_unknown_environment_is_disposable() -> None:
    """Any name but prod: nothing is protected, and the test aids are on."""
    settings = settings_for("feature7")
    assert not settings.protected
    assert settings.allow_test_ca
    assert settings.maximum_concurrency is None


def test_production_is_protected() -> None:
    """And a year of audit log, sampled traces, bounded processors, no test aids."""
    settings = settings_for("prod")
    assert settings.protected
    assert settings.audit_retention_days >= 365
    assert settings.trace_rate == 0.01
    assert settings.maximum_concurrency
    assert not settings.allow_test_ca
    assert not settings.allow_failure_injection


def test_an_operator_overrides_single_values() -> None:
    """As a mapping, or as the JSON that the CLI passes."""
    assert settings_for("dev", overrides={"retention_days": 7}).retention_days == 7
    json_text = '{"provider_addresses": ["192.0.2.0/24"]}'
    assert settings_for("dev", overrides=json_text).provider_addresses == ("192.0.2.0/24",)


def test_every_fault_of_the_overrides_is_reported_together() -> None:
    """Two mistakes, one message."""
    with pytest.raises(SettingsError, match=r"unknown setting 'retention'.*'log_level' takes a text, not 3"):
        settings_for("dev", overrides={"retention": 7, "log_level": 3})


@pytest.mark.parametrize(
    ("environment", "overrides", "message"),
    [
        ("prod", {"allow_test_ca": True}, "never trusts the test CA"),
        ("prod", {"allow_failure_injection": True}, "never fails on purpose"),
        ("prod", {"audit_retention_days": 30}, "12 months"),
        ("dev", {"log_retention_days": 8}, "log_retention_days"),
        ("dev", {"maximum_concurrency": 1}, "between 2 and 1000"),
        ("dev", {"trace_rate": 1.5}, "trace_rate"),
        ("dev", {"retry_base_s": 9, "retry_cap_s": 3}, "retry_base_s"),
        ("dev", {"retry_cap_s": 50_000}, "12 hours"),
        ("dev", {"architecture": "riscv"}, "arm64"),
        ("dev", {"provider_addresses": ["300.1.1.1/8"]}, "provider_addresses"),
        ("dev", {"provider_addresses": ["192.0.2.1"]}, "192.0.2.1/32"),
        ("dev", {"provider_addresses": ["0.0.0.0/0"]}, "everybody"),
        ("dev", {"retention_days": 0}, "retention_days"),
        ("dev", {"audit_batch_size": 0}, "audit_batch_size"),
        ("dev", {"audit_batch_size": 99_999}, "audit_batch_size"),
        ("dev", {"provider_rate_limit": 5}, "provider_rate_limit"),
        ("dev", {"trace_reservoir_per_s": -1}, "trace_reservoir_per_s"),
        ("dev", {"quiet_alarm_hours": 400}, "quiet_alarm_hours"),
        ("dev", {"dlq_alarm_period_s": 7}, "dlq_alarm_period_s"),
        ("dev", {"log_level": "LOUD"}, "log_level"),
        ("dev", {"receiver_reserved_concurrency": -5}, "receiver_reserved_concurrency"),
        ("dev", {"runtime": "python2.7"}, "runtime"),
        ("dev", {"alert_email": "nobody"}, "alert_email"),
        ("prod", {"protected": False}, "always protected"),
        ("Prod", {}, "only 'prod' is"),
        ("production", {}, "only 'prod' is"),
        ("dev_1", {}, "letters and digits"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(
    environment: str, overrides: dict[str, object], message: str
) -> None:
    """Before anything is synthesised, in words that name the setting."""
    with pytest.raises(SettingsError, match=message):
        settings_for(environment, overrides=overrides)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_settings_that_are_not_an_object_are_refused(text: str) -> None:
    """A broken context value is a sentence, not a traceback."""
    with pytest.raises(SettingsError, match="JSON"):
        settings_for("dev", overrides=text)


def test_true_is_not_a_number() -> None:
    """Python's bool is an int; a setting is not that lenient."""
    with pytest.raises(SettingsError, match="retention_days"):
        settings_for("dev", overrides={"retention_days": True})

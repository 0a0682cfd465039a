"""What each function reads from its environment, parsed once; all faults are reported together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lambdas.shared.errors import WebhookError

T = TypeVar("T")


class SettingsError(WebhookError):
    """The function's environment variables are not usable. The message lists every fault."""

    reason = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """The receiver's environment. `secret_arns` is keyed by provider name."""

    environment: str
    log_level: str
    table_name: str
    queue_url: str
    secret_arns: Mapping[str, str]
    allow_test_ca: bool
    max_body_bytes: int
    retention_days: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ReceiverSettings":
        """Read the settings. Raises SettingsError with all faults."""
        read = _Reader(environ)
        settings = cls(
            environment=read.text("ENVIRONMENT"),
            log_level=read.text("LOG_LEVEL", default="INFO"),
            table_name=read.text("TABLE_NAME"),
            queue_url=read.text("QUEUE_URL"),
            secret_arns={name: read.text(f"{name.upper()}_SECRET_ARN") for name in ("stripe", "paypal", "square")},
            allow_test_ca=read.flag("ALLOW_TEST_CA"),
            max_body_bytes=read.number("MAX_BODY_BYTES"),
            retention_days=read.number("RETENTION_DAYS"),
        )
        read.finish()
        return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSettings:
    """The processor's environment. The retry delay is `retry_base_s` doubled per receive, at most `retry_cap_s`."""

    environment: str
    log_level: str
    table_name: str
    queue_url: str
    max_receive_count: int
    retry_base_s: int
    retry_cap_s: int
    allow_failure_injection: bool
    retention_days: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ProcessorSettings":
        """Read the settings. Raises SettingsError with all faults."""
        read = _Reader(environ)
        settings = cls(
            environment=read.text("ENVIRONMENT"),
            log_level=read.text("LOG_LEVEL", default="INFO"),
            table_name=read.text("TABLE_NAME"),
            queue_url=read.text("QUEUE_URL"),
            max_receive_count=read.number("MAX_RECEIVE_COUNT"),
            retry_base_s=read.number("RETRY_BASE_S"),
            retry_cap_s=read.number("RETRY_CAP_S"),
            allow_failure_injection=read.flag("ALLOW_FAILURE_INJECTION"),
            retention_days=read.number("RETENTION_DAYS"),
        )
        read.finish()
        return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """The audit logger's environment."""

    environment: str
    log_level: str
    audit_key_arn: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "AuditSettings":
        """Read the settings. Raises SettingsError with all faults."""
        read = _Reader(environ)
        settings = cls(
            environment=read.text("ENVIRONMENT"),
            log_level=read.text("LOG_LEVEL", default="INFO"),
            audit_key_arn=read.text("AUDIT_KEY_ARN"),
        )
        read.finish()
        return settings


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []

    def text(self, name: str, *, default: str = "") -> str:
        return self._read(name, str, default=default, expected="a text")

    def number(self, name: str) -> int:
        value = self._read(name, int, default=0, expected="a whole number")
        if value < 0:
            self._faults.append(f"{name} must not be negative")
        return value

    def flag(self, name: str) -> bool:
        return self._read(name, {"true": True, "false": False}.__getitem__, default=False, expected="true or false")

    def finish(self) -> None:
        if self._faults:
            raise SettingsError("; ".join(self._faults))

    def _read(self, name: str, parse: Callable[[str], T], *, default: T, expected: str) -> T:
        raw = self._environ.get(name, "")
        if not raw:
            if not default:
                self._faults.append(f"{name} is not set ({expected})")
            return default
        try:
            return parse(raw)
        except (ValueError, KeyError):
            self._faults.append(f"{name} must be {expected}")
            return default

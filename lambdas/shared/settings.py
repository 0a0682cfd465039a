"""What each function reads from its environment, parsed once; all faults are reported together."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Self, TypeVar

from lambdas.shared.errors import WebhookError

T = TypeVar("T")


class SettingsError(WebhookError):
    """The function's environment variables are not usable. The message lists every fault."""

    reason = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What every function is told. A field is read from the variable of its name in capitals, as its type says."""

    environment: str
    log_level: str = "INFO"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings. Raises SettingsError with all faults."""
        read = _Reader(environ)
        settings = cls(**{field.name: read.field(field) for field in fields(cls)})
        read.finish()
        return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings(FunctionSettings):
    """The receiver's environment. `secret_arns` is keyed by provider name: STRIPE_SECRET_ARN and so on."""

    table_name: str
    queue_url: str
    secret_arns: Mapping[str, str]
    allow_test_ca: bool
    refuse_outlived: bool
    max_body_bytes: int
    retention_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSettings(FunctionSettings):
    """The processor's environment. The retry delay is `retry_base_s` doubled per receive, at most `retry_cap_s`."""

    table_name: str
    queue_url: str
    max_receive_count: int
    retry_base_s: int
    retry_cap_s: int
    allow_failure_injection: bool
    retention_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings(FunctionSettings):
    """The audit logger's environment."""

    audit_key_arn: str


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []

    def field(self, field: "Field[Any]") -> Any:  # noqa: ANN401 - of the field's own type
        name = field.name.upper()
        if field.type is bool:
            return self.flag(name)
        if field.type is int:
            return self.number(name)
        if field.type is str:
            return self.text(name, default="" if field.default is MISSING else field.default)
        return self.secret_arns()

    def secret_arns(self) -> Mapping[str, str]:
        from lambdas.shared.providers import PROVIDERS  # noqa: PLC0415 - the receiver alone loads them

        return {provider: self.text(f"{provider.upper()}_SECRET_ARN") for provider in PROVIDERS}

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

"""Changing providers' keys so that no genuine webhook is refused: old and new overlap, and the old one goes last."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from lambdas.shared.clock import parse_iso
from stack import outputs as names
from stack.outputs import secret_output
from webhookctl.core.audit.operator_lines import Operator, OperatorAction, OperatorAudit
from webhookctl.core.logs import LogReader
from webhookctl.core.outputs import StackOutputs
from webhookctl.core.secrets.provider import SecretStore, new_key, read_secret
from webhookctl.core.secrets.usage import KeyUsage, read_usage
from webhookctl.errors import CheckFailedError, NotFoundError, UsageError

CACHE: Final = timedelta(seconds=60)
"""How long a receiver may still use a secret that it has read. A new key is fetched at the first mismatch."""
_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "stripe": (re.compile(r"whsec_[A-Za-z0-9+/=_-]{8,}"), "a Stripe signing secret starts with whsec_"),
    "square": (re.compile(r"\S{8,}"), "a Square signature key has no spaces and at least 8 characters"),
    "paypal": (re.compile(r"[A-Z0-9]{10,32}"), "PayPal's key is the webhook id: capital letters and digits"),
}
_ANY_FORM: Final = (re.compile(r"\S{8,}"), "a key has no spaces and at least 8 characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One key of a provider. `verified` counts the webhooks that it proved in the time looked at."""

    TABLE: ClassVar = ("provider", "key_id", "created_at", "role", "verified", "last_verified")
    SPARE: ClassVar = ("created_at",)
    WHOLE: ClassVar = ("key_id", "last_verified")
    provider: str
    key_id: str
    created_at: str
    role: str
    verified: int
    last_verified: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretChange:
    """What a change did to a provider's secret. `keys` are the ids now, newest first."""

    provider: str
    change: str
    keys: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDesk:
    """What changing keys works with."""

    store: SecretStore
    outputs: StackOutputs
    logs: LogReader
    audit: OperatorAudit
    operator: Operator
    now: Callable[[], datetime]
    counts_tests: bool = True
    """Whether webhooks of `webhookctl send` count as traffic: nothing else comes where no provider is."""

    def list_keys(self, *, since: datetime) -> list[KeyLine]:
        """Return every provider's keys, newest first, with what each verified since then."""
        usage = self.usage(since)
        return [line for provider in names.PROVIDERS for line in self._lines(provider, usage)]

    def set_key(self, provider: str, value: str, *, replaces: bool) -> SecretChange:
        """Give a provider its first key; with `replaces`, its only one. Raises UsageError when it has one already."""
        members = self._members(provider)
        if members["keys"] and not replaces:
            raise UsageError(
                f"{provider} has a key already: webhooks signed with it would be refused",
                hint=f"webhookctl secrets rotate {provider} (keeps the old one), or --replace",
            )
        key = self._new(provider, value)
        return self._save(provider, {**members, "keys": [key]}, "set", key_id=key["id"])

    def rotate(self, provider: str, value: str | None) -> SecretChange:
        """Add a key in front of the others; both verify from now on. `value` None makes one up.

        Raises UsageError when the value is not of the provider's form, or is a key already.
        """
        members = self._members(provider)
        if value is not None and any(key["value"] == value for key in members["keys"]):
            raise UsageError(f"{provider} has this key already", hint="webhookctl secrets list")
        key = self._new(provider, value or _made_up(provider))
        changed = self._save(provider, {**members, "keys": [key, *members["keys"]]}, "rotate", key_id=key["id"])
        return replace(changed, note=f"both verify; when the new one is in use: webhookctl secrets retire {provider}")

    def retire(self, provider: str, key_id: str | None, *, is_forced: bool) -> SecretChange:
        """Take an old key away (None: the oldest). Its last use can still pass for `CACHE`.

        Raises CheckFailedError unless the newest key has verified real traffic, and since the old key's last use.
        """
        members = self._members(provider)
        keys = members["keys"]
        old = self._key(provider, keys, key_id)
        if len(keys) == 1:
            raise UsageError(f"{old['id']} is the only key of {provider}", hint=f"webhookctl secrets rotate {provider}")
        if not is_forced:
            self._check_moved(provider, keys[0], old)
        remaining = [key for key in keys if key["id"] != old["id"]]
        changed = self._save(provider, {**members, "keys": remaining}, "retire", key_id=old["id"])
        return replace(changed, note=f"receivers refuse it within {CACHE.seconds} s")

    def set_members(self, provider: str, changes: Mapping[str, Any]) -> SecretChange:
        """Set other members of the secret (Square's URL, PayPal's certificates); None takes one away."""
        members = {**self._members(provider), **changes}
        kept = {name: value for name, value in members.items() if value is not None}
        return self._save(provider, kept, "set " + ", ".join(sorted(changes)))

    def trusted(self, provider: str) -> tuple[str, ...]:
        """Return the certificates (PEM) that the operator added."""
        return tuple(self._members(provider).get("trustPems", ()))

    def usage(self, since: datetime) -> Mapping[str, KeyUsage]:
        """Return what each key verified since then, from the receiver's log."""
        group = names.log_group_name(self.outputs[names.RECEIVER_NAME])
        return read_usage(self.logs, group, since=since, with_tests=self.counts_tests)

    def _lines(self, provider: str, usage: Mapping[str, KeyUsage]) -> list[KeyLine]:
        keys = self._members(provider)["keys"]
        if not keys:
            return [
                KeyLine(provider=provider, key_id="-", created_at="", role="missing", verified=0, last_verified=None)
            ]
        return [
            KeyLine(
                provider=provider,
                key_id=key["id"],
                created_at=key.get("createdAt", ""),
                role="newest" if number == 0 else "old",
                verified=usage.get(key["id"], KeyUsage()).count,
                last_verified=usage.get(key["id"], KeyUsage()).last_at,
            )
            for number, key in enumerate(keys)
        ]

    def _check_moved(self, provider: str, newest: Mapping[str, str], old: Mapping[str, str]) -> None:
        usage = self.usage(parse_iso(newest["createdAt"]))
        new, before = usage.get(newest["id"], KeyUsage()), usage.get(old["id"], KeyUsage())
        hint = "sign with the new key at the provider first; --force takes the old one away all the same"
        if new.last_at is None:
            raise CheckFailedError(f"{newest['id']} has not verified any webhook of {provider} yet", hint=hint)
        if before.last_at is not None and before.last_at >= new.last_at:
            raise CheckFailedError(
                f"the last webhook of {provider} was still signed with {old['id']} ({before.last_at:%H:%M:%S} UTC)",
                hint=hint,
            )

    def _members(self, provider: str) -> dict[str, Any]:
        if provider not in names.PROVIDERS:
            raise UsageError(f"unknown provider {provider!r}", hint=f"one of {', '.join(names.PROVIDERS)}")
        members = read_secret(self.store, self.outputs, provider)
        return {**members, "keys": [key for key in members.get("keys", []) if key.get("value")]}

    def _key(self, provider: str, keys: list[dict[str, str]], key_id: str | None) -> dict[str, str]:
        found = next((key for key in reversed(keys) if key_id in (None, key["id"])), None)
        if found is None:
            raise NotFoundError(f"{provider} has no key {key_id or ''}".rstrip(), hint="webhookctl secrets list")
        return found

    def _new(self, provider: str, value: str) -> dict[str, str]:
        form, explanation = _FORMS.get(provider, _ANY_FORM)
        if not form.fullmatch(value):
            raise UsageError(
                f"this is not a key of {provider}: {explanation}", hint="copy it again from the provider's console"
            )
        return new_key(provider, value, now=self.now())

    def _save(self, provider: str, members: Mapping[str, Any], change: str, *, key_id: str = "") -> SecretChange:
        action = OperatorAction(
            action=f"secrets.{change.partition(' ')[0]}",
            action_id=f"secret-{secrets.token_hex(6)}",
            operator=self.operator,
            at=self.now(),
            outcome="started",
            details={"provider": provider, **({"keyId": key_id} if key_id else {"members": change})},
        )
        self.audit.record(action)
        stored = {name: value for name, value in members.items() if name != "generated"}
        self.store.write(self.outputs[secret_output(provider)], json.dumps({"v": 1, **stored}))
        self.audit.record(replace(action, outcome="done", at=self.now()))
        return SecretChange(provider=provider, change=change, keys=tuple(key["id"] for key in members["keys"]))


def _made_up(provider: str) -> str:
    return {"stripe": f"whsec_{secrets.token_hex(24)}", "paypal": secrets.token_hex(9).upper()[:17]}.get(
        provider, secrets.token_urlsafe(18)
    )

"""Which key proved which webhooks: read from the receiver's log, where every accepted webhook names its key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from webhookctl.core.logs import LogReader

_VERIFIED: Final = frozenset({"accepted", "duplicate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsage:
    """How many webhooks a key verified, and when the last."""

    count: int = 0
    last_at: datetime | None = None


def read_usage(logs: LogReader, group: str, *, since: datetime, with_tests: bool) -> Mapping[str, KeyUsage]:
    """Return the usage of every key that verified something since then, by key id.

    Without tests, webhooks that `webhookctl send` signed don't count: they prove nothing of what a provider signs with.
    """
    usage: dict[str, KeyUsage] = {}
    for event in logs.events(group, start=since, pattern='"keyId"'):
        line = event.fields()
        if not with_tests and line.get("test"):
            continue
        if line.get("outcome") in _VERIFIED and isinstance(line.get("keyId"), str):
            before = usage.get(line["keyId"], KeyUsage())
            last = event.at if before.last_at is None else max(before.last_at, event.at)
            usage[line["keyId"]] = KeyUsage(count=before.count + 1, last_at=last)
    return usage

"""The operator's PayPal test CA: made once per environment, kept in the operator's own folder."""

import json
import os
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from lambdas.shared.clock import iso, parse_iso
from lambdas.shared.providers.paypal_test_ca import LIFETIME, TestCa, make_test_ca

_RENEW_BEFORE: Final = timedelta(days=30)
_FILE: Final = "test-ca.json"


def load_or_make(folder: Path, *, now: datetime) -> TestCa:
    """Return the test CA of a folder; make it when there is none or it ends within a month.

    The file holds private keys: only its owner may read it.
    """
    path = folder / _FILE
    found = _read(path, now)
    return found or _write(path, make_test_ca(now=now), now)


def _read(path: Path, now: datetime) -> TestCa | None:
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
        made_at = parse_iso(members.pop("made_at"))
        return TestCa(**members) if now < made_at + LIFETIME - _RENEW_BEFORE else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, made: TestCa, now: datetime) -> TestCa:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({**asdict(made), "made_at": iso(now)}, file)
    fresh.replace(path)
    return made

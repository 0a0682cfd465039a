"""How late the local WAF acts: a file that `--waf-lag` writes and the front door follows."""

import json
from pathlib import Path
from typing import Final

DEFAULT_LAG_S: Final = 30.0
"""AWS WAF's usual lag as the developer guide and field reports give it: under half a minute, now and then more."""
PROFILE: Final = "waf.json"


def profile_of(home: Path) -> Path:
    """Return the profile's place below the CLI's home."""
    return home / "local" / PROFILE


def read_lag(profile: Path) -> float:
    """Return the WAF lag in seconds, or the default when none was chosen."""
    try:
        return float(json.loads(profile.read_text(encoding="utf-8"))["lag_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_LAG_S


def write_lag(profile: Path, lag_s: float) -> None:
    """Choose the WAF lag; a running front door follows within a second or two, and counts anew."""
    profile.parent.mkdir(parents=True, exist_ok=True)
    profile.write_text(json.dumps({"lag_s": lag_s}), encoding="utf-8")

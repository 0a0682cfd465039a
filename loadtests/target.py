"""Where load may go: this machine, or the one deployed API whose secrets sign it, by its environment's name."""

import ipaddress
import json
from pathlib import Path
from urllib.parse import urlsplit


class TargetError(ValueError):
    """Load must not go there; the message says why and what to do."""


def check_target(host: str, secrets: Path, *, confirmed: str) -> None:
    """Let loopback pass, and the API that the secrets file was written for where `confirmed` is its environment's name.

    A file of secrets can't be turned on another environment, and no environment is loaded by its URL alone. Raises
    TargetError.
    """
    if is_loopback(host):
        return
    try:
        written = json.loads(secrets.read_text(encoding="utf-8"))
        environment, endpoint = str(written["environment"]), str(written["endpoint"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(f"{secrets} is no secrets file: webhookctl load secrets FILE") from error
    if host.rstrip("/") != endpoint.rstrip("/"):
        raise TargetError(f"{host} is not on this machine and not the API that {secrets} signs for, {endpoint}")
    if confirmed != environment:
        raise TargetError(f"{host} is the API of environment {environment!r}: --confirm {environment} to load it")


def is_loopback(host: str) -> bool:
    """Say whether a URL leads to this machine's loopback."""
    parts = urlsplit(host)
    name = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

"""What to sign with: the environment's secret, or one from a file, stdin or Secrets Manager. Never from a flag."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdas.shared.errors import WebhookError
from lambdas.shared.providers.base import ProviderSecret
from webhookctl.core.operator_file import read_text
from webhookctl.errors import NotFoundError, UsageError

STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """Reads the text that `--secret-from` names: `-` is stdin, then a file, then a name in Secrets Manager."""

    read_stdin: Callable[[], bytes]
    read_stored: Callable[[str], str]

    def read(self, name: str) -> str:
        """Return the text without its last line break. Raises NotFoundError, UsageError."""
        if not name:
            raise UsageError("--secret-from names nothing", hint="a file, - for stdin, or a Secrets Manager name")
        if name == STDIN:
            text = _text(self.read_stdin())
        elif (path := Path(name)).is_file():
            text = read_text(path)
        else:
            text = self._stored(name)
        if not text.strip():
            raise UsageError(f"--secret-from {name}: there is nothing in it", hint="the key alone, or its JSON form")
        return text.rstrip("\r\n")

    def _stored(self, name: str) -> str:
        if name.startswith(("/", "./", "../", "~")):
            raise NotFoundError(
                f"--secret-from {name}: there is no such file",
                hint="a file, - for stdin, or a name or ARN in Secrets Manager",
            )
        return self.read_stored(name)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            "stdin can't be read: it is not text in UTF-8", hint="the key alone, or its JSON form"
        ) from error


def parse_secret(provider: str, text: str, *, url: str, signing: Callable[[], dict[str, str]]) -> ProviderSecret:
    """Return the secret that `text` holds: the key itself, or the JSON form of Secrets Manager.

    A bare key gets what else signing needs: for Square the URL that is sent to, for PayPal (whose key is the webhook
    id) the operator's test certificate, got from `signing` on demand.
    """
    members = _members(text)
    if members is None:
        members = {"keys": [{"id": "given", "value": text.strip()}]}
    try:
        secret = ProviderSecret.from_json(json.dumps(members))
    except WebhookError as error:
        raise UsageError(
            f"--secret-from: {error}",
            hint='give the key alone, or {"keys": [{"id": "a", "value": "..."}]}',
        ) from error
    return ProviderSecret(keys=secret.keys, extra=_completed(provider, dict(secret.extra), url, signing))


def _completed(provider: str, extra: dict[str, Any], url: str, signing: Callable[[], dict[str, str]]) -> dict[str, Any]:
    needs: dict[str, Callable[[], dict[str, Any]]] = {
        "square": lambda: {"notificationUrl": url},
        "paypal": lambda: {"signing": signing()},
    }
    if provider not in needs or extra.keys() & {"notificationUrl", "signing"}:
        return extra
    return extra | needs[provider]()


def _members(text: str) -> dict[str, Any] | None:
    try:
        members = json.loads(text)
    except ValueError:
        return None
    return members if isinstance(members, dict) else None

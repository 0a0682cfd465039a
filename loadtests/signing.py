"""Sign load with the same provider code that the receiver verifies with."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from lambdas.shared.providers import get_provider
from lambdas.shared.providers.base import ProviderSecret


class Signer:
    """Holds one secret for each provider that can be signed for."""

    def __init__(self, secrets: dict[str, ProviderSecret]) -> None:
        self._secrets = secrets

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read the `secrets` of the file that `webhookctl load secrets` writes. Raises ValueError for another one."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))["secrets"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no secrets file: webhookctl load secrets FILE") from error
        return cls({name: ProviderSecret.from_json(json.dumps(secret)) for name, secret in data.items()})

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers that this signer has a secret for."""
        return tuple(self._secrets)

    def headers(self, provider: str, body: bytes) -> dict[str, str]:
        """Return the headers that the provider would send with `body` now."""
        signed = get_provider(provider).sign(body, self._secrets[provider], at=datetime.now(UTC))
        return {"Content-Type": "application/json", **signed}

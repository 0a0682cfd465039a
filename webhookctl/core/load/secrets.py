"""The file that load scenarios sign with: one secret for each provider, readable by its owner only."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from lambdas.shared.providers.base import ProviderSecret


def write_secrets(file: Path, secrets: Mapping[str, ProviderSecret]) -> None:
    """Write `{provider: secret}` to a file of mode 0600. An existing file is replaced."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    document = {name: json.loads(secret.to_json()) for name, secret in secrets.items()}
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(document, stream)

"""The file that load scenarios sign with: one secret for each provider, and the one API that it is good for.

Readable by its owner only.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from lambdas.shared.providers.base import ProviderSecret


def write_secrets(file: Path, secrets: Mapping[str, ProviderSecret], *, environment: str, endpoint: str) -> None:
    """Write `{"environment", "endpoint", "secrets": {provider: secret}}` to a file of mode 0600, or replace it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    plain = {name: json.loads(secret.to_json()) for name, secret in secrets.items()}
    document = {"environment": environment, "endpoint": endpoint, "secrets": plain}
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(document, stream)

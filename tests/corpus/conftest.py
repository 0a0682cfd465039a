"""The corpus: bodies that providers really sent or published. It lies beside the repository, not in it."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[2].parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the corpus's folder: WEBHOOKCTL_CORPUS, or `../shared/corpus` beside the repository."""
    folder = Path(os.environ.get("WEBHOOKCTL_CORPUS") or BESIDE)
    if not folder.is_dir():
        pytest.skip(f"the corpus of real webhooks is not here ({folder}); set WEBHOOKCTL_CORPUS to its folder")
    return folder

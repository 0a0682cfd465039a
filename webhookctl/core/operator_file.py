"""Files that the operator names: what keeps one from being read is said the same way by every command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webhookctl.errors import NotFoundError, UsageError


@contextmanager
def reading(path: Path, *, hint: str | None = None) -> Iterator[None]:
    """Translate what reading `path` raises: NotFoundError where there is none, UsageError for a folder and the like."""
    try:
        yield
    except FileNotFoundError as error:
        where = None if path.is_absolute() else f"relative paths start in {Path.cwd()}"
        raise NotFoundError(f"{path} can't be read: there is no such file", hint=hint or where) from error
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint=hint or "name a file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} can't be read: it is not text in UTF-8", hint=hint) from error


def read_text(path: Path, *, hint: str | None = None) -> str:
    """Return a file's text. Raises NotFoundError, UsageError."""
    with reading(path, hint=hint):
        return path.read_text(encoding="utf-8")

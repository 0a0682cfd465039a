"""docs/commands.md."""

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Ran

COMMANDS_MD = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def test_the_reference_is_what_the_commands_say(cli: Callable[..., Ran]) -> None:
    """docs/commands.md is the output of `webhookctl reference`, unedited."""
    ran = cli("reference")
    assert ran.exit_code == 0
    assert COMMANDS_MD.read_text() == ran.out, "run: webhookctl reference > docs/commands.md"


def test_every_help_fits_80_columns(cli: Callable[..., Ran]) -> None:
    """No line of any command's help is wider than the terminal."""
    assert max(len(line) for line in cli("reference").out.splitlines()) <= 80

"""`webhookctl config show`: which settings are in force, and which source won."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.conftest import Ran


@pytest.fixture
def _every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set something in each place that is read."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('profile = "mine"\nregion = "eu-west-1"\n')
    (tmp_path / "webhookctl.toml").write_text(
        'region = "eu-central-1"\n[environments.prod]\naccount = "111122223333"\nlog_retention_days = 400\n'
    )
    monkeypatch.setenv("WEBHOOKCTL_NO_COLOR", "1")


@pytest.mark.usefixtures("_every_source")
@pytest.mark.parametrize("words", [["--origin"], ["--origin", "-o", "json"], []], ids=" ".join)
def test_every_setting_is_shown_with_where_it_comes_from(
    cli: Callable[..., Ran], tmp_path: Path, words: list[str], snapshot: SnapshotAssertion
) -> None:
    """Flag, variable, both files, a file's table for this environment, default; nothing is asked of AWS."""
    ran = cli("config", "show", *words, "-e", "prod")
    assert (ran.exit_code, ran.err) == (0, "")
    shown = ran.out.replace(str(tmp_path), "HERE")
    if "json" in words:
        rows = {row["setting"]: row for row in json.loads(shown)}
        assert (rows["region"]["value"], rows["region"]["origin"]) == ("eu-central-1", "HERE/webhookctl.toml")
        assert rows["environment"]["origin"] == "flag"
    assert re.sub(" {2,}", "  ", shown) == snapshot  # columns are as wide as the folder's name


def test_settings_that_the_stack_refuses_are_shown_and_named(cli: Callable[..., Ran], tmp_path: Path) -> None:
    """What the file says is printed; what is wrong with it is the error, exit 4."""
    (tmp_path / "webhookctl.toml").write_text("[environments.dev]\nmaximum_concurency = 5\n")
    ran = cli("config", "show", "--origin", "-e", "dev")
    assert ran.exit_code == 4
    assert "environments.dev.maximum_concurency" in ran.out
    assert "unknown setting 'maximum_concurency'" in ran.err
